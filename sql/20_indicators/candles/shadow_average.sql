-- shadow_average: mean shadow of the ten bars before. TA-Lib's ShadowShort.
-- parameters: none
select prev(rolling_sum(upper_shadow() + lower_shadow(), 10) / 10) / 2 as shadow_average
