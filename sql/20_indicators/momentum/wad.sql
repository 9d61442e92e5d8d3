-- wad: Williams' Accumulation/Distribution, without volume. Larry Williams; in this form Steven Achelis.
-- parameters: none
select
  prev_or(close, close) as _prev,
  running_sum(case
    when close > _prev then close - least(low, _prev) when close < _prev then close - greatest(high, _prev) else 0 end)
    as wad
