-- midpoint: the middle between the greatest and the least of the last n values.
-- parameters: x = close, n = 14
select (highest(x, n) + lowest(x, n)) / 2 as midpoint
