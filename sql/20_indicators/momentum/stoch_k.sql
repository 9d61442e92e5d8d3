-- stoch_k: where x lies between the lowest low and the highest high of n bars, in percent. George Lane, 1950s.
-- parameters: h = high, l = low, x = close, n = 5
-- NULL where the window has no range (TA-Lib gives 0).
select 100 * (x - lowest(l, n)) / (highest(h, n) - lowest(l, n)) as stoch_k
