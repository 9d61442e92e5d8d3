-- cdlinneck: In-Neck Pattern: -100.
-- parameters: none
-- Long black; a white that opens below its low and closes at its close or slightly above.
select pattern(
  prev(black() and long_body()) and white() and open < prev(low)
  and close >= prev(close) and equal_to(close, prev(close)), -100) as cdlinneck
