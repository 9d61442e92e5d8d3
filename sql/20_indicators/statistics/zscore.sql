-- zscore: distance from the mean of the last n values, in standard deviations (population).
-- parameters: x = close, n = 20
-- NULL where the value has not moved.
select (x - sma(x, n)) / stddev(x, n) as zscore
