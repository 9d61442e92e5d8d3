-- chandelier: Chandelier Exit: stops k average true ranges from the extremes of the last n bars. Chuck LeBeau.
-- parameters: n = 22, k = 3
select highest(high, n) - k * atr(n) as long, lowest(low, n) + k * atr(n) as short
