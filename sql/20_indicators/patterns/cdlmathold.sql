-- cdlmathold: Mat Hold: 100.
-- parameters: penetration = 0.5
-- Long white; a short black gapping up; two short ones falling that stay high in the first body; a white that opens
-- above the close before and closes above the highs of the three.
select
  prev(close, 4) - prev(real_body(), 4) * penetration as _floor,
  pattern(
    prev(white() and long_body(), 4) and prev(black() and short_body() and body_gap_up(), 3)
    and prev(short_body(), 2) and prev(short_body()) and white()
    and prev(body_bottom(), 2) < prev(close, 4) and prev(body_bottom()) < prev(close, 4)
    and prev(body_bottom(), 2) > _floor and prev(body_bottom()) > _floor
    and prev(body_top(), 2) < prev(open, 3) and prev(body_top()) < prev(body_top(), 2)
    and open > prev(close) and close > prev(highest(high, 3))) as cdlmathold
