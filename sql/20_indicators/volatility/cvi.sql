-- cvi: Chaikin's Volatility: change in percent of the smoothed range. Marc Chaikin.
-- parameters: n = 10, roc_n = 10
-- NULL where the earlier range was zero (TA-Lib gives 0).
select 100 * (ema(high - low, n) / prev(ema(high - low, n), roc_n) - 1) as cvi
