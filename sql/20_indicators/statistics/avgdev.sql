-- avgdev: Average Deviation: mean distance of the last n values from their mean.
-- parameters: x = close, n = 14
select
  sma(x, n) as _mean,
  total(k, 0, n - 1, abs(prev(x, k) - _mean)) / n as avgdev
