-- kama: Kaufman's Adaptive Moving Average. Perry Kaufman, 1995.
-- parameters: x = close, n = 20
-- Smoothing runs from 2/31 (noise) to 2/3 (trend) with the efficiency ratio, squared. It starts at the previous price.
-- Where the price has not moved at all the efficiency is taken as 1, as in TA-Lib.
select
  2 / 31 as _slow,
  coalesce(er(x, n), 1) * (2 / 3 - _slow) + _slow as _pace,
  _pace * _pace as _gain,
  case when n = 1 then x else affine(1 - _gain, _gain * x, prev(x), 1 - _slow * _slow) end as kama
