-- cdlunique3river: Unique Three River: 100.
-- parameters: none
-- Long black; a black inside it with a lower low; a short white that opens above that low.
select pattern(
  prev(black() and long_body(), 2) and prev(black()) and white() and short_body()
  and prev(close) > prev(close, 2) and prev(open) <= prev(open, 2) and prev(low) < prev(low, 2) and open > prev(low))
  as cdlunique3river
