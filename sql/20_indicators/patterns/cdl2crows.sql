-- cdl2crows: Two Crows: -100.
-- parameters: none
-- Long white; black gapping up; black opening in the second body and closing in the first.
select pattern(
  prev(white() and long_body(), 2) and prev(black() and body_gap_up()) and black()
  and open < prev(open) and open > prev(close)
  and close > prev(open, 2) and close < prev(close, 2), -100) as cdl2crows
