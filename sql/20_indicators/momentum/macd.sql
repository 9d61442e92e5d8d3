-- macd: Moving Average Convergence Divergence. Gerald Appel, 1970s.
-- parameters: x = close, fast = 12, slow = 26, smooth = 9
-- As TA-Lib: the fast average is started late, so that both begin on the same bar, and all three outputs
-- are defined from the first bar of the signal line. After about 200 bars this equals ema(fast) - ema(slow).
select
  after(ema(after(x, slow - fast), fast) - ema(x, slow), smooth - 1) as macd,
  ema(ema(after(x, slow - fast), fast) - ema(x, slow), smooth) as signal,
  macd - signal as histogram
