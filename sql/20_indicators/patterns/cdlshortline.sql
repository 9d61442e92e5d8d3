-- cdlshortline: Short Line Candle: 100 white, -100 black.
-- parameters: none
-- A short body with short shadows.
select pattern(
  short_body() and below(upper_shadow(), shadow_average()) and below(lower_shadow(), shadow_average()), 100 * candle_color())
  as cdlshortline
