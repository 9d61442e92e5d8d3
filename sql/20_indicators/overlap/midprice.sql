-- midprice: the middle between the highest high and the lowest low of the last n bars.
-- parameters: n = 14
select (highest(high, n) + lowest(low, n)) / 2 as midprice
