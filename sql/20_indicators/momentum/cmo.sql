-- cmo: Chande Momentum Oscillator with Wilder's smoothing, as TA-Lib has it. Tushar Chande, 1994. Range -100..100.
-- parameters: x = close, n = 14
-- NULL where the price has not moved (TA-Lib gives 0).
select
  rma(greatest(x - prev(x), 0), n) as _up,
  rma(greatest(prev(x) - x, 0), n) as _down,
  100 * (_up - _down) / (_up + _down) as cmo
