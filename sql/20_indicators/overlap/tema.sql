-- tema: Triple Exponential Moving Average. Patrick Mulloy, 1994.
-- parameters: x = close, n = 20
select 3 * ema(x, n) - 3 * ema(ema(x, n), n) + ema(ema(ema(x, n), n), n) as tema
