-- cdlhangingman: Hanging Man: -100.
-- parameters: none
-- A short body with a long lower and no upper shadow, at or near the high of the bar before.
select from_bar(pattern(
  short_body() and lower_shadow() > real_body() and no_upper_shadow()
  and not exceeds(prev(high) - body_bottom(), prev(range_share(0.2))), -100), 11) as cdlhangingman
