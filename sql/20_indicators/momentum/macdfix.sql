-- macdfix: MACD 12/26 with the rounded smoothing 0.15 and 0.075 of its first computers. Gerald Appel, 1970s.
-- parameters: x = close, smooth = 9
select
  recurrence(after(x, 14), 0.15, 0.85, 12, 1 / 12) - recurrence(x, 0.075, 0.925, 26, 1 / 26) as _macd,
  ema(_macd, smooth) as signal,
  from_bar(_macd, warmup(signal)) as macd,
  macd - signal as histogram
