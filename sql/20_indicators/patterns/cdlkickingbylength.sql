-- cdlkickingbylength: Kicking: 100 or -100 by the colour of the longer of the two bodies.
-- parameters: none
select pattern(
  kicks(),
  100 * case when real_body() > prev(real_body()) then candle_color() else prev(candle_color()) end) as cdlkickingbylength
