-- prev: the value n bars ago. Bars that are missing in the data do not count.
-- parameters: x = close, n = 1
select lag(x, n) as prev
