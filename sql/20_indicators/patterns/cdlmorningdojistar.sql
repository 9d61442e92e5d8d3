-- cdlmorningdojistar: Morning Doji Star: 100.
-- parameters: penetration = 0.3
-- Long black; a doji gapping down; a white well into the first body.
select pattern(
  prev(black() and long_body(), 2) and prev(doji() and body_gap_down()) and white() and long_body()
  and close > prev(close, 2) + prev(real_body(), 2) * penetration) as cdlmorningdojistar
