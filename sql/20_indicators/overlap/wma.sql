-- wma: Weighted Moving Average, weights n, n-1, … 1 from the newest bar back.
-- parameters: x = close, n = 20
select rolling_weighted_sum(x, n) / (n * (n + 1) / 2) as wma
