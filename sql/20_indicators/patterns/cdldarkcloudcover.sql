-- cdldarkcloudcover: Dark Cloud Cover: -100.
-- parameters: penetration = 0.5
-- Long white; a black that opens above its high and closes well into its body.
select pattern(
  prev(white() and long_body()) and black() and open > prev(high) and close > prev(open)
  and close < prev(close) - prev(real_body()) * penetration, -100) as cdldarkcloudcover
