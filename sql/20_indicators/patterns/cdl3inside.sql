-- cdl3inside: Three Inside Up (100) or Down (-100).
-- parameters: none
-- Long; short inside it; a third of the other colour that closes beyond the first one's open.
select pattern(
  prev(long_body(), 2) and prev(not exceeds(real_body(), body_average()))
  and prev(body_top()) < prev(body_top(), 2) and prev(body_bottom()) > prev(body_bottom(), 2)
  and (prev(white(), 2) and black() and close < prev(open, 2) or prev(black(), 2) and white() and close > prev(open, 2)),
  -100 * prev(candle_color(), 2)) as cdl3inside
