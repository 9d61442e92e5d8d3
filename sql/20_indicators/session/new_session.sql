-- new_session: true on the first bar of every session.
-- parameters: hour = 0, clock = ts
select
  session_day(hour, clock) as _day,
  _day <> prev_or(_day, -1) as new_session
