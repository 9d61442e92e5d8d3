-- lower_shadow: distance from the body to the low.
-- parameters: none
select body_bottom() - low as lower_shadow
