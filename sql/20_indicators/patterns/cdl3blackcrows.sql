-- cdl3blackcrows: Three Black Crows: -100.
-- parameters: none
-- White; three black with hardly any lower shadow, each opening in the body before and closing lower.
select from_bar(pattern(
  prev(white(), 3)
  and prev(black() and no_lower_shadow(), 2)
  and prev(black() and no_lower_shadow() and open < prev(open) and open > prev(close))
  and black() and no_lower_shadow() and open < prev(open) and open > prev(close)
  and prev(high, 3) > prev(close, 2) and prev(close, 2) > prev(close) and prev(close) > close, -100), 13) as cdl3blackcrows
