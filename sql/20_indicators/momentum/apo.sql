-- apo: Absolute Price Oscillator: the difference of two averages.
-- parameters: x = close, fast = 12, slow = 26, matype = 1
select ma(x, fast, matype) - ma(x, slow, matype) as apo
