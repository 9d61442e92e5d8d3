-- vhf: Vertical Horizontal Filter: range of the closes against their path. Adam White, 1991. Range 0..1.
-- parameters: x = close, n = 28
-- NULL where the price has not moved (TA-Lib gives 0).
select (highest(x, n) - lowest(x, n)) / rolling_sum(abs(x - prev(x)), n) as vhf
