-- highest: the greatest value of the last n bars. TA-Lib's MAX.
-- parameters: x = high, n = 20
select rolling_max(x, n) as highest
