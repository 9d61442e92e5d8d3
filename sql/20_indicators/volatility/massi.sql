-- massi: Mass Index. Donald Dorsey, 1992.
-- parameters: n = 9, sum_n = 25
-- NULL where the range has been zero (TA-Lib counts such a bar as 1).
select rolling_sum(ema(high - low, n) / ema(ema(high - low, n), n), sum_n) as massi
