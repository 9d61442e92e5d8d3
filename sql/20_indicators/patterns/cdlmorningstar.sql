-- cdlmorningstar: Morning Star: 100.
-- parameters: penetration = 0.3
-- Long black; a short body gapping down; a white well into the first body.
select pattern(
  prev(black() and long_body(), 2) and prev(not exceeds(real_body(), body_average()) and body_gap_down())
    and white() and long_body()
  and close > prev(close, 2) + prev(real_body(), 2) * penetration) as cdlmorningstar
