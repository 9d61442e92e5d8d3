-- tsi: True Strength Index. William Blau, 1991. Range -100..100.
-- parameters: x = close, slow = 25, fast = 13
-- NULL where the price has not moved (TA-Lib gives 0).
select 100 * ema(ema(x - prev(x), slow), fast) / ema(ema(abs(x - prev(x)), slow), fast) as tsi
