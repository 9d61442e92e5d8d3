-- cdlupsidegap2crows: Upside Gap Two Crows: -100.
-- parameters: none
-- Long white; a short black gapping up; a black that engulfs it and closes above the first one's close.
select pattern(
  prev(white() and long_body(), 2) and prev(black() and not exceeds(real_body(), body_average()) and body_gap_up())
    and black()
  and open > prev(open) and close < prev(close) and close > prev(close, 2), -100) as cdlupsidegap2crows
