-- cci: Commodity Channel Index. Donald Lambert, 1980.
-- parameters: n = 14
-- NULL where the typical price has not moved (TA-Lib gives 0).
select (typprice() - sma(typprice(), n)) / (0.015 * avgdev(typprice(), n)) as cci
