-- cdlbreakaway: Breakaway: 100 bullish, -100 bearish.
-- parameters: none
-- Long; a gap on; two more going on; a fifth of the other colour that closes inside the gap.
select pattern(
  prev(long_body(), 4)
  and prev(candle_color(), 4) = prev(candle_color(), 3) and prev(candle_color(), 3) = prev(candle_color())
  and candle_color() <> prev(candle_color())
  and (prev(black(), 4) and prev(body_gap_down(), 3) and prev(high < prev(high) and low < prev(low), 2)
      and prev(high < prev(high) and low < prev(low)) and close > prev(open, 3) and close < prev(close, 4)
    or prev(white(), 4) and prev(body_gap_up(), 3) and prev(high > prev(high) and low > prev(low), 2)
      and prev(high > prev(high) and low > prev(low)) and close < prev(open, 3) and close > prev(close, 4)),
  100 * candle_color()) as cdlbreakaway
