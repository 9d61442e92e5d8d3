-- session_day: number of the session a bar belongs to; sessions begin at the given hour of the clock.
-- parameters: hour = 0, clock = ts
select floor((epoch(clock) - 3600 * hour) / 86400) as session_day
