-- cdlxsidegap3methods: Upside (100) or Downside (-100) Gap Three Methods.
-- parameters: none
-- Two of one colour with a gap; a third of the other colour that opens in the second body and closes in the first.
select pattern(
  prev(candle_color(), 2) = prev(candle_color()) and candle_color() <> prev(candle_color())
  and open < prev(body_top()) and open > prev(body_bottom()) and close < prev(body_top(), 2) and close > prev(body_bottom(), 2)
  and (prev(white(), 2) and prev(body_gap_up()) or prev(black(), 2) and prev(body_gap_down())),
  100 * prev(candle_color(), 2)) as cdlxsidegap3methods
