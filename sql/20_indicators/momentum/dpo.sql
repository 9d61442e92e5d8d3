-- dpo: Detrended Price Oscillator: the price half a cycle ago less the average of the cycle.
-- parameters: x = close, n = 20
select prev(x, n // 2 + 1) - sma(x, n) as dpo
