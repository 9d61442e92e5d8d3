-- lowest: the least value of the last n bars. TA-Lib's MIN.
-- parameters: x = low, n = 20
select rolling_min(x, n) as lowest
