-- linearreg_angle: the slope of the least squares line as an angle in degrees.
-- parameters: x = close, n = 14
select atan(rolling_slope(x, n)) * 180 / pi() as linearreg_angle
