-- kc: Keltner Channels of the typical price, as TA-Lib has them.
-- parameters: n = 20, atr_n = 10, k = 2
-- As in TA-Lib the average and the true range are started so that both begin on the same bar.
select
  greatest(n - 1, atr_n) as _start,
  ema(after(typprice(), _start - n + 1), n) as _middle,
  k * rma(after(true_range(), _start - atr_n), atr_n) as _width,
  _middle + _width as upper,
  _middle as middle,
  _middle - _width as lower
