-- linearreg_intercept: beginning of the least squares line through the last n values.
-- parameters: x = close, n = 14
select sma(x, n) - rolling_slope(x, n) * (n - 1) / 2 as linearreg_intercept
