-- cycle_phase: phase of the dominant cycle in degrees from bar 37 on, from -45 to 315. John Ehlers, 2001.
-- parameters: x = close
-- The smoothed price of the last cycle is compared with a sine and a cosine of that length.
select
  smooth_period(x, 37) as _period,
  floor(_period + 0.5) as _cycle,
  since_start(case when bar_number() < 37 then 0 else wma(x, 4) end) as _smooth,
  total(k, 0, 49, case when k < _cycle then sin(k * 2 * pi() / _cycle) * prev(_smooth, k) else 0 end) as _sine,
  total(k, 0, 49, case when k < _cycle then cos(k * 2 * pi() / _cycle) * prev(_smooth, k) else 0 end) as _cosine,
  coalesce(atan(_sine / _cosine) * 180 / pi(), 90 * sign(_sine)) + 90 + 360 / _period
    + case when _cosine < 0 then 180 else 0 end as _phase,
  from_bar(since_start(case when _phase > 315 then _phase - 360 else _phase end), 37) as cycle_phase
