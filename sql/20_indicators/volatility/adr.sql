-- adr: Average Day Range: the mean of high minus low over the last n bars.
-- parameters: n = 14
select sma(high - low, n) as adr
