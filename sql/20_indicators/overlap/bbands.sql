-- bbands: Bollinger Bands. John Bollinger, 1980s. Population standard deviation, as in TA-Lib.
-- parameters: x = close, n = 20, up = 2, down = 2
select
  sma(x, n) + up * stddev(x, n) as upper,
  sma(x, n) as middle,
  sma(x, n) - down * stddev(x, n) as lower
