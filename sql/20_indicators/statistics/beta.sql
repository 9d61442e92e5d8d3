-- beta: slope of the regression of y's returns on x's over the last n bars. x is the market, as in TA-Lib.
-- parameters: x = high, y = low, n = 5
-- NULL where x has not moved (TA-Lib gives 0).
select
  rocp(x, 1) as _x,
  rocp(y, 1) as _y,
  rolling_covariance(_x, _y, n) / rolling_variance(_x, n) as beta
