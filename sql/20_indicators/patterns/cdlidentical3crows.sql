-- cdlidentical3crows: Identical Three Crows: -100.
-- parameters: none
-- Three black with hardly any lower shadow, closing lower, each opening at the close before.
select pattern(
  prev(black() and no_lower_shadow(), 2) and prev(black() and no_lower_shadow()) and black() and no_lower_shadow()
  and prev(close, 2) > prev(close) and prev(close) > close
  and prev(equal_to(open, prev(close))) and equal_to(open, prev(close)), -100) as cdlidentical3crows
