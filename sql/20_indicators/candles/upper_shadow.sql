-- upper_shadow: distance from the body to the high.
-- parameters: none
select high - body_top() as upper_shadow
