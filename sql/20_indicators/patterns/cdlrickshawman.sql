-- cdlrickshawman: Rickshaw Man: 100; no direction.
-- parameters: none
-- A doji with two long shadows and the body near the middle.
select
  low + (high - low) / 2 as _middle,
  pattern(
    doji() and lower_shadow() > real_body() and upper_shadow() > real_body()
    and not exceeds(body_bottom() - _middle, range_share(0.2)) and not exceeds(_middle - body_top(), range_share(0.2)))
    as cdlrickshawman
