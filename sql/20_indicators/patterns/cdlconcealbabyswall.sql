-- cdlconcealbabyswall: Concealing Baby Swallow: 100.
-- parameters: none
-- Two black without shadows; a black gapping down whose upper shadow reaches into the body before; a black that
-- swallows it, shadows included.
select pattern(
  prev(black() and no_lower_shadow() and no_upper_shadow(), 3)
    and prev(black() and no_lower_shadow() and no_upper_shadow(), 2)
  and prev(black() and body_gap_down() and exceeds(upper_shadow(), doji_limit()) and high > prev(close))
  and black() and high > prev(high) and low < prev(low)) as cdlconcealbabyswall
