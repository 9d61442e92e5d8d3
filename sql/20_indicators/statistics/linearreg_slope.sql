-- linearreg_slope: slope per bar of the least squares line through the last n values.
-- parameters: x = close, n = 14
select rolling_slope(x, n) as linearreg_slope
