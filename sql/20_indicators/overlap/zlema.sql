-- zlema: Zero-Lag Exponential Moving Average: an average of the price extrapolated by the average's own lag.
-- parameters: x = close, n = 20
select ema(2 * x - prev(x, (n - 1) // 2), n) as zlema
