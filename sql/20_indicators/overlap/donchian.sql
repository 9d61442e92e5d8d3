-- donchian: Donchian Channel of the last n bars, the present one included. Richard Donchian, 1950s.
-- parameters: n = 20
select highest(high, n) as upper, (highest(high, n) + lowest(low, n)) / 2 as middle, lowest(low, n) as lower
