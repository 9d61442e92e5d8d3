-- sum: the sum of the last n values.
-- parameters: x = close, n = 30
select rolling_sum(x, n) as sum
