-- prev_week: open, high, low and close of the previous week (UTC, from Monday) that has bars.
-- parameters: none
select tf('7d', open) as _open, tf('7d', high) as _high, tf('7d', low) as _low, tf('7d', close) as _close,
  _open as open, _high as high, _low as low, _close as close
