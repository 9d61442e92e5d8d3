-- body_average: mean body of the ten bars before: the measure of long and short bodies. TA-Lib's BodyLong, BodyShort.
-- parameters: none
select prev(rolling_sum(real_body(), 10) / 10) as body_average
