-- trix: rate of change of a triple smoothed average, in percent. Jack Hutson, 1980s.
-- parameters: x = close, n = 30
select roc(ema(ema(ema(x, n), n), n), 1) as trix
