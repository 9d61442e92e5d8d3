-- cdlinvertedhammer: Inverted Hammer: 100.
-- parameters: none
-- A short body with a long upper and no lower shadow, gapping down.
select from_bar(pattern(
  body_gap_down() and short_body() and upper_shadow() > real_body() and no_lower_shadow()), 11) as cdlinvertedhammer
