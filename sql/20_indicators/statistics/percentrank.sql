-- percentrank: how many percent of the n values before are lower than this one.
-- parameters: x = close, n = 100
select rolling_rank(x, n + 1) / n * 100 as percentrank
