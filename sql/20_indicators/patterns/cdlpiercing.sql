-- cdlpiercing: Piercing Pattern: 100.
-- parameters: none
-- Long black; a long white that opens below its low and closes in the upper half of its body.
select pattern(
  prev(black() and long_body()) and white() and long_body() and open < prev(low) and close < prev(open)
  and close > prev(close) + prev(real_body()) * 0.5) as cdlpiercing
