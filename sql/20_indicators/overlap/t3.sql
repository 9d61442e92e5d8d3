-- t3: T3 moving average, a generalised double average applied three times. Tim Tillson, 1998.
-- parameters: x = close, n = 5, v = 0.7
-- As in TA-Lib the product is multiplied out, so that it starts after six averages of n bars each.
select
  v * v as _v2,
  v * v * v as _v3,
  ema(ema(ema(x, n), n), n) as _e3,
  ema(_e3, n) as _e4,
  ema(_e4, n) as _e5,
  ema(_e5, n) as _e6,
  case when n = 1 then x
    else 3 * (_v2 + _v3) * _e5 - _v3 * _e6 - (6 * _v2 + 3 * (v + _v3)) * _e4 + (1 + 3 * v + 3 * _v2 + _v3) * _e3 end as t3
