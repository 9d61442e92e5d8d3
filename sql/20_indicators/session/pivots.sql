-- pivots: classic floor trader's pivot points from the previous day (UTC).
-- parameters: none
select
  prev_day() as _day,
  (_day.high + _day.low + _day.close) / 3 as p,
  2 * p - _day.low as r1,
  2 * p - _day.high as s1,
  p + (_day.high - _day.low) as r2,
  p - (_day.high - _day.low) as s2,
  _day.high + 2 * (p - _day.low) as r3,
  _day.low - 2 * (_day.high - p) as s3
