-- vwap: Volume-Weighted Average Price since the session's first bar.
-- parameters: hour = 0, clock = ts
-- Sessions begin at the given hour of the clock: vwap(17, local(ts, 'America/New_York')).
select anchored_vwap(new_session(hour, clock)) as vwap
