-- cdlhighwave: High-Wave Candle: 100 white, -100 black.
-- parameters: none
-- A short body with shadows more than twice as long on both sides.
select pattern(
  short_body() and upper_shadow() > 2 * real_body() and lower_shadow() > 2 * real_body(), 100 * candle_color()) as cdlhighwave
