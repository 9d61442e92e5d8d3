-- ema: Exponential Moving Average with smoothing 2 / (n + 1), as in TA-Lib.
-- parameters: x = close, n = 20
-- It starts as the mean of its first n values.
select recurrence(x, 2 / (n + 1), 1 - 2 / (n + 1), n, 1 / n) as ema
