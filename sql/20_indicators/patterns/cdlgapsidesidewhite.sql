-- cdlgapsidesidewhite: Up (100) or Down (-100) Gap Side-by-Side White Lines.
-- parameters: none
-- Two white of like size and open, both beyond a gap.
select
  prev(body_gap_up()) and body_bottom() > prev(body_top(), 2) as _up,
  prev(body_gap_down()) and body_top() < prev(body_bottom(), 2) as _down,
  from_bar(pattern(
    (_up or _down) and prev(white()) and white()
    and within(real_body(), prev(real_body()), prev(range_share(0.2))) and equal_to(open, prev(open)),
    case when prev(body_gap_up()) then 100 else -100 end), 7) as cdlgapsidesidewhite
