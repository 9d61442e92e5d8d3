-- realised_volatility: standard deviation of the last n logarithmic returns, times the root of the bars in a year.
-- parameters: x = close, n = 20, bars_a_year = 252
select sqrt(bars_a_year * rolling_variance(ln(x / prev(x)), n) * n / (n - 1)) as realised_volatility
