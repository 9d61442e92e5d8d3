-- obv: On Balance Volume. Joseph Granville, 1963.
-- parameters: x = close, v = volume
-- It starts with the first bar's volume. NULL from the first bar without volume on; coalesce(volume, 0) passes over those.
select running_sum(v * case when bar_number() = 0 then 1 else sign(x - prev_or(x, x)) end) as obv
