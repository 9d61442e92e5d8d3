-- cdl3outside: Three Outside Up (100) or Down (-100).
-- parameters: none
-- A body engulfed by one of the other colour; a third closing further on.
select after(pattern(
  prev(white()) and prev(black(), 2) and prev(close) > prev(open, 2) and prev(open) < prev(close, 2) and close > prev(close)
  or prev(black()) and prev(white(), 2) and prev(open) > prev(close, 2) and prev(close) < prev(open, 2)
    and close < prev(close),
  100 * prev(candle_color())), 1) as cdl3outside
