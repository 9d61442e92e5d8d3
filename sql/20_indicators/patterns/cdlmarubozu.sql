-- cdlmarubozu: Marubozu: 100 white, -100 black.
-- parameters: none
-- A long body without shadows.
select pattern(marubozu(), 100 * candle_color()) as cdlmarubozu
