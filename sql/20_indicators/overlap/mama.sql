-- mama: MESA Adaptive Moving Average and its follower. John Ehlers, 2001.
-- parameters: x = close, fast = 0.5, slow = 0.05
-- The smoothing follows the speed of the cycle's phase, between fast and slow. As in TA-Lib it starts from 0 on the
-- 13th bar and is given from the 33rd.
select
  hilbert(x, 12) as _h,
  coalesce(atan(_h.quadrature / _h.inphase) * 180 / pi(), 0) as _phase,
  since_start(case when bar_number() <= 12 then 0 else prev(_phase) end) - _phase as _turn,
  greatest(fast / greatest(_turn, 1), slow) as _alpha,
  affine(1 - _alpha, _alpha * x, 0, 1 - slow) as _mama,
  from_bar(_mama, 32) as mama,
  from_bar(affine(1 - _alpha / 2, _alpha / 2 * _mama, 0, 1 - slow / 2), 32) as fama
