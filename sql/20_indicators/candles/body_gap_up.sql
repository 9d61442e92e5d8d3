-- body_gap_up: true where the body lies above the body of the bar before.
-- parameters: none
select body_bottom() > prev(body_top()) as body_gap_up
