-- sma: Simple Moving Average, the mean of the last n bars.
-- parameters: x = close, n = 20
select rolling_sum(x, n) / n as sma
