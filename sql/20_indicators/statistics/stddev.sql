-- stddev: standard deviation of the last n bars (population), times k. TA-Lib's STDDEV.
-- parameters: x = close, n = 20, k = 1
select k * sqrt(rolling_variance(x, n)) as stddev
