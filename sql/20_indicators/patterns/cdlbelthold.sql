-- cdlbelthold: Belt-hold: 100 bullish, -100 bearish.
-- parameters: none
-- A long body with no shadow where it opens.
select pattern(
  long_body() and (white() and no_lower_shadow() or black() and no_upper_shadow()), 100 * candle_color()) as cdlbelthold
