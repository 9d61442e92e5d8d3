-- max: the greatest value of the last n bars: highest, with TA-Lib's name.
-- parameters: x = close, n = 30
select highest(x, n) as max
