-- session: open, high and low of the session so far.
-- parameters: hour = 0, clock = ts
select
  new_session(hour, clock) as _new,
  last_where(open, _new) as _open,
  highest_since(high, _new) as _high,
  lowest_since(low, _new) as _low,
  _open as open,
  _high as high,
  _low as low
