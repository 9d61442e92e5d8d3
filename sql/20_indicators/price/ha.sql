-- ha: Heikin-Ashi candles. Munehisa Homma, 18th century; Dan Valcu, 2004.
-- parameters: none
-- The first open is the middle between the bar's own open and close.
select
  (open + high + low + close) / 4 as _close,
  bar_number() = 0 as _start,
  case when _start then 0 else 0.5 end as _keeps,
  case when _start then (open + close) / 2 else prev_or(_close, 0) / 2 end as _adds,
  affine(_keeps, _adds, 0, 0.5) as _open,
  _open as open,
  greatest(high, _open, _close) as high,
  least(low, _open, _close) as low,
  _close as close
