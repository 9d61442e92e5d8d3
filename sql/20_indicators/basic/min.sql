-- min: the least value of the last n bars: lowest, with TA-Lib's name.
-- parameters: x = close, n = 30
select lowest(x, n) as min
