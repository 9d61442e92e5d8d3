-- cdlonneck: On-Neck Pattern: -100.
-- parameters: none
-- Long black; a white that opens below its low and closes at it.
select pattern(
  prev(black() and long_body()) and white() and open < prev(low) and equal_to(close, prev(low)), -100) as cdlonneck
