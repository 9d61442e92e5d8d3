-- cdlshootingstar: Shooting Star: -100.
-- parameters: none
-- A short body with a long upper and no lower shadow, gapping up.
select from_bar(pattern(
  body_gap_up() and short_body() and upper_shadow() > real_body() and no_lower_shadow(), -100), 11) as cdlshootingstar
