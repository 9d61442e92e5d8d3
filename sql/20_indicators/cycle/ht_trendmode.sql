-- ht_trendmode: Hilbert Transform: 1 in a trend, 0 in a cycle. John Ehlers, 2001.
-- parameters: x = close
-- No trend where the sines have crossed less than half a cycle ago or the phase moves at the cycle's own speed;
-- a trend in any case where the price is 1.5 percent away from the trendline.
select
  cycle_phase(x) as _phase,
  smooth_period(x, 37) as _period,
  sin(_phase * pi() / 180) > sin((_phase + 45) * pi() / 180) as _above,
  from_bar(since_start(bar_number() <= 37 or _above <> prev_or(_above, false)), 37) as _crossed,
  (_phase - prev(_phase)) * _period / 360 as _speed,
  ht_trendline(x) as _line,
  case
    when abs(wma(x, 4) / _line - 1) >= 0.015 then 1
    when bars_since(_crossed) + 1 < _period / 2 or _crossed or _speed > 0.67 and _speed < 1.5 then 0
    else 1 end as ht_trendmode
