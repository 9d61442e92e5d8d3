-- cdlseparatinglines: Separating Lines: 100 bullish, -100 bearish.
-- parameters: none
-- A candle and a belt-hold of the other colour with the same open.
select from_bar(pattern(
  candle_color() <> prev(candle_color()) and equal_to(open, prev(open)) and long_body()
  and (white() and no_lower_shadow() or black() and no_upper_shadow()), 100 * candle_color()), 11) as cdlseparatinglines
