-- plus_dm: Plus Directional Movement, Wilder's sum over n bars. J. Welles Wilder, 1978.
-- parameters: n = 14
select
  high - prev(high) as _up,
  prev(low) - low as _down,
  case when _up > _down and _up > 0 then _up else 0 end as _move,
  case when n = 1 then _move else recurrence(_move, 1, 1 - 1 / n, n - 1, 1) end as plus_dm
