-- percentile: the value below or at which p percent of the last n values lie (nearest rank).
-- parameters: x = close, n = 30, p = 50
select rolling_quantile(x, n, greatest(ceil(p * n / 100), 1)) as percentile
