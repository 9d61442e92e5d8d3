-- atr: Average True Range. J. Welles Wilder, 1978. In price units.
-- parameters: n = 14
select rma(true_range(), n) as atr
