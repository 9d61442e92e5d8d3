-- cdlhomingpigeon: Homing Pigeon: 100.
-- parameters: none
-- Long black; a short black inside it.
select pattern(
  prev(black() and long_body()) and black() and not exceeds(real_body(), body_average())
  and open < prev(open) and close > prev(close)) as cdlhomingpigeon
