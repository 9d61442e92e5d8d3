-- cdlclosingmarubozu: Closing Marubozu: 100 white, -100 black.
-- parameters: none
-- A long body with no shadow where it closes.
select pattern(
  long_body() and (white() and no_upper_shadow() or black() and no_lower_shadow()), 100 * candle_color())
  as cdlclosingmarubozu
