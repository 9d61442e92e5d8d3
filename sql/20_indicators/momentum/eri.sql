-- eri: Elder Ray Index: bull and bear power. Alexander Elder, 1993.
-- parameters: n = 13
select high - ema(close, n) as bull, low - ema(close, n) as bear
