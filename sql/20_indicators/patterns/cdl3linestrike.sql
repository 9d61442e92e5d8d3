-- cdl3linestrike: Three-Line Strike: 100 after three white, -100 after three black.
-- parameters: none
-- Three of one colour, each opening in or near the body before, going on; a fourth that takes all of it back.
select
  range_share(0.2) as _near,
  pattern(
    prev(candle_color(), 3) = prev(candle_color(), 2) and prev(candle_color(), 2) = prev(candle_color())
    and candle_color() <> prev(candle_color())
    and not exceeds(prev(body_bottom(), 3) - prev(open, 2), prev(_near, 3))
    and not exceeds(prev(open, 2) - prev(body_top(), 3), prev(_near, 3))
    and not exceeds(prev(body_bottom(), 2) - prev(open), prev(_near, 2))
    and not exceeds(prev(open) - prev(body_top(), 2), prev(_near, 2))
    and (prev(white()) and prev(close) > prev(close, 2) and prev(close, 2) > prev(close, 3)
      and open > prev(close) and close < prev(open, 3)
      or prev(black()) and prev(close) < prev(close, 2) and prev(close, 2) < prev(close, 3)
      and open < prev(close) and close > prev(open, 3)),
    100 * prev(candle_color())) as cdl3linestrike
