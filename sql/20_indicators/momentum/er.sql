-- er: Efficiency Ratio: distance travelled against the path. Perry Kaufman, 1995. Range 0..1.
-- parameters: x = close, n = 10
-- NULL where the price has not moved (TA-Lib gives 1).
select abs(x - prev(x, n)) / rolling_sum(abs(x - prev(x)), n) as er
