-- macdext: MACD with averages of any kind.
-- parameters: x = close, fast = 12, fast_matype = 0, slow = 26, slow_matype = 0, smooth = 9, smooth_matype = 0
select
  warmup(ma(x, slow, slow_matype)) - warmup(ma(x, fast, fast_matype)) as _late,
  ma(after(x, greatest(_late, 0)), fast, fast_matype) - ma(after(x, greatest(-_late, 0)), slow, slow_matype) as _macd,
  ma(_macd, smooth, smooth_matype) as signal,
  from_bar(_macd, warmup(signal)) as macd,
  macd - signal as histogram
