-- cdlthrusting: Thrusting Pattern: -100.
-- parameters: none
-- Long black; a white that opens below its low and closes in the lower half of its body, clearly above its close.
select pattern(
  prev(black() and long_body()) and white() and open < prev(low)
  and exceeds(close - prev(close), prev(range_share(0.05)))
    and close <= prev(close) + prev(real_body()) * 0.5, -100) as cdlthrusting
