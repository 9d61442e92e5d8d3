-- rsi: Relative Strength Index. J. Welles Wilder, 1978. Range 0..100.
-- parameters: x = close, n = 14
-- NULL where the price has not moved at all (TA-Lib gives 0 there).
select 100 * rma(greatest(x - prev(x), 0), n)
  / (rma(greatest(x - prev(x), 0), n) + rma(greatest(prev(x) - x, 0), n)) as rsi
