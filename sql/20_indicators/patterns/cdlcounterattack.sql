-- cdlcounterattack: Counterattack: 100 bullish, -100 bearish.
-- parameters: none
-- Two long bodies of different colour with equal closes.
select pattern(
  candle_color() <> prev(candle_color()) and prev(long_body()) and long_body() and equal_to(close, prev(close)),
  100 * candle_color()) as cdlcounterattack
