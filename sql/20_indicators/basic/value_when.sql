-- value_when: the value on the latest bar where the condition held; with k = 1 on the one before that, and so on to k = 3.
-- parameters: condition, x = close, k = 0
-- example: value_when(crossed_above(close, ema(close, 20)))
select
  last_where(x, condition) as _v0,
  last_where(prev_or(_v0, null), condition) as _v1,
  last_where(prev_or(_v1, null), condition) as _v2,
  last_where(prev_or(_v2, null), condition) as _v3,
  case when k = 0 then _v0 when k = 1 then _v1 when k = 2 then _v2 when k = 3 then _v3 end as value_when
