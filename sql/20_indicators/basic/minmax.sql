-- minmax: the least and the greatest value of the last n bars.
-- parameters: x = close, n = 30
select lowest(x, n) as low, highest(x, n) as high
