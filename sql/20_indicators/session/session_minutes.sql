-- session_minutes: minutes since the session's hour, on the clock, at the bar's open.
-- parameters: hour = 0, clock = ts
select (epoch(clock) - 3600 * hour) / 60 - 1440 * session_day(hour, clock) as session_minutes
