-- dema: Double Exponential Moving Average. Patrick Mulloy, 1994.
-- parameters: x = close, n = 20
-- The average plus the lag it shows when averaged again.
select 2 * ema(x, n) - ema(ema(x, n), n) as dema
