-- prev_day: open, high, low and close of the previous day (UTC) that has bars.
-- parameters: none
select tf('1d', open) as _open, tf('1d', high) as _high, tf('1d', low) as _low, tf('1d', close) as _close,
  _open as open, _high as high, _low as low, _close as close
