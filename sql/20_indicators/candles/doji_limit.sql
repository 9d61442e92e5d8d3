-- doji_limit: a tenth of the mean range of the ten bars before. TA-Lib's BodyDoji, ShadowVeryShort.
-- parameters: none
select 0.1 * prev(rolling_sum(high - low, 10) / 10) as doji_limit
