-- ad: Accumulation/Distribution Line. Marc Chaikin.
-- parameters: none
-- NULL from the first bar without volume on.
select running_sum(coalesce(clv(), 0) * volume) as ad
