-- cdleveningstar: Evening Star: -100.
-- parameters: penetration = 0.3
-- Long white; a short body gapping up; a black well into the first body.
select pattern(
  prev(white() and long_body(), 2) and prev(not exceeds(real_body(), body_average()) and body_gap_up())
    and black() and long_body()
  and close < prev(close, 2) - prev(real_body(), 2) * penetration, -100) as cdleveningstar
