-- rma: Wilder's smoothed moving average, smoothing 1 / n. J. Welles Wilder, 1978.
-- parameters: x = close, n = 14
-- It starts as the mean of its first n values. RSI, ATR and ADX are built on it.
select recurrence(x, 1 / n, 1 - 1 / n, n, 1 / n) as rma
