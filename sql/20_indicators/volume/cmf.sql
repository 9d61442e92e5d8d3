-- cmf: Chaikin Money Flow. Marc Chaikin. Range -1..1.
-- parameters: n = 20
-- NULL where no volume was traded in the window (TA-Lib gives 0).
select rolling_sum(coalesce(clv(), 0) * volume, n) / rolling_sum(volume, n) as cmf
