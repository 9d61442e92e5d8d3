-- median: the median of the last n values.
-- parameters: x = close, n = 30
select (rolling_quantile(x, n, (n + 1) // 2) + rolling_quantile(x, n, n // 2 + 1)) / 2 as median
