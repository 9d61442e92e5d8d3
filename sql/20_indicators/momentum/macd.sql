-- macd: Moving Average Convergence Divergence. Gerald Appel, 1970s.
-- parameters: x = close, fast = 12, slow = 26, smooth = 9
-- As in TA-Lib the fast average is started late, so that both begin on the same bar, and all outputs are defined from
-- the first bar of the signal line. After about 200 bars this equals ema(fast) - ema(slow).
select
  ema(after(x, slow - fast), fast) - ema(x, slow) as _macd,
  from_bar(_macd, slow + smooth - 2) as macd,
  ema(_macd, smooth) as signal,
  macd - signal as histogram
