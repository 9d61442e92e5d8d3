-- cdltristar: Tristar: 100 at a bottom, -100 at a top.
-- parameters: none
-- Three doji by the first one's measure, the second a star.
select
  prev(doji_limit(), 2) as _limit,
  pattern(
    not exceeds(prev(real_body(), 2), _limit) and not exceeds(prev(real_body()), _limit) and not exceeds(real_body(), _limit),
    case
      when prev(body_gap_down()) and body_bottom() > prev(body_bottom()) then 100
      when prev(body_gap_up()) and body_top() < prev(body_top()) then -100
      else 0 end) as cdltristar
