-- cdlhammer: Hammer: 100.
-- parameters: none
-- A short body with a long lower and no upper shadow, at or near the low of the bar before.
select from_bar(pattern(
  short_body() and lower_shadow() > real_body() and no_upper_shadow()
  and not exceeds(body_bottom() - prev(low), prev(range_share(0.2)))), 11) as cdlhammer
