-- var: variance of the last n values (population).
-- parameters: x = close, n = 20
select rolling_variance(x, n) as var
