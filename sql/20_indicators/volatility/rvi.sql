-- rvi: Relative Volatility Index: RSI of the standard deviation. Donald Dorsey, 1993.
-- parameters: x = close, n = 14, stddev_n = 10
-- NULL where the price has not moved (TA-Lib gives 50).
select
  prev_or(x, x) as _prev,
  rma(case when x > _prev then stddev(x, stddev_n) else 0 end, n) as _up,
  rma(case when x < _prev then stddev(x, stddev_n) else 0 end, n) as _down,
  100 * _up / (_up + _down) as rvi
