-- tsf: Time Series Forecast: the least squares line one bar further.
-- parameters: x = close, n = 14
select sma(x, n) + rolling_slope(x, n) * (n + 1) / 2 as tsf
