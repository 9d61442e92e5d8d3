-- cdlspinningtop: Spinning Top: 100 white, -100 black.
-- parameters: none
-- A short body with longer shadows on both sides.
select pattern(
  short_body() and upper_shadow() > real_body() and lower_shadow() > real_body(), 100 * candle_color()) as cdlspinningtop
