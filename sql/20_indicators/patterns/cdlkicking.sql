-- cdlkicking: Kicking: 100 bullish, -100 bearish.
-- parameters: none
-- Two long bodies without shadows, of different colour, with a gap between them in the second one's direction.
select pattern(kicks(), 100 * candle_color()) as cdlkicking
