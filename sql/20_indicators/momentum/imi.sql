-- imi: Intraday Momentum Index. Tushar Chande, 1993. Range 0..100.
-- parameters: n = 14
-- NULL where no bar has a body (TA-Lib gives 0).
select 100 * rolling_sum(greatest(close - open, 0), n) / rolling_sum(abs(close - open), n) as imi
