-- correl: Pearson's correlation of the last n values. Range -1..1.
-- parameters: x = high, y = low, n = 30
-- NULL where one of the two has not moved (TA-Lib gives 0).
select rolling_covariance(x, y, n) / sqrt(rolling_variance(x, n) * rolling_variance(y, n)) as correl
