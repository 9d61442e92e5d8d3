-- keltner: Keltner Channel around an exponential average. Chester Keltner, 1960; in this form Linda Raschke.
-- parameters: x = close, n = 20, atr_n = 10, k = 2
select
  ema(x, n) + k * atr(atr_n) as upper,
  ema(x, n) as middle,
  ema(x, n) - k * atr(atr_n) as lower
