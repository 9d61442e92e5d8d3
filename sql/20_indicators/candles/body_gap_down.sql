-- body_gap_down: true where the body lies below the body of the bar before.
-- parameters: none
select body_top() < prev(body_bottom()) as body_gap_down
