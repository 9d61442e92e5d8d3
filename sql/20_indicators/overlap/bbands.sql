-- bbands: Bollinger Bands. John Bollinger, 1980s. Population standard deviation, as in TA-Lib.
-- parameters: x = close, n = 20, up = 2, down = 2, matype = 0
select
  ma(x, n, matype) + up * stddev(x, n) as upper,
  ma(x, n, matype) as middle,
  ma(x, n, matype) - down * stddev(x, n) as lower
