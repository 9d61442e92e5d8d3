-- range_share: a share of the mean range of the five bars before. TA-Lib's Near (0.2), Far (0.6), Equal (0.05).
-- parameters: share = 0.2
select share * prev(rolling_sum(high - low, 5) / 5) as range_share
