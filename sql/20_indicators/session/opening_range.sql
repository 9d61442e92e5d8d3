-- opening_range: high and low of the session's first minutes; NULL until they are over.
-- parameters: minutes = 30, hour = 0, clock = ts
-- A session without any bar in these minutes has none.
select
  new_session(hour, clock) as _new,
  session_minutes(hour, clock) < minutes as _opening,
  highest_since(case when _opening then high end, _new) as _high,
  lowest_since(case when _opening then low end, _new) as _low,
  case when not _opening then _high end as high,
  case when not _opening then _low end as low
