-- smi: Stochastic Momentum Index. William Blau, 1993. Range -100..100.
-- parameters: n = 13, fast = 2, slow = 25, smooth = 9
-- NULL where the bars have no range (TA-Lib gives 0).
select
  highest(high, n) - lowest(low, n) as _range,
  close - (highest(high, n) + lowest(low, n)) / 2 as _distance,
  200 * ema(ema(_distance, slow), fast) / ema(ema(_range, slow), fast) as _smi,
  ema(_smi, smooth) as signal,
  from_bar(_smi, warmup(signal)) as smi
