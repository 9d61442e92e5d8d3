-- rocr: Rate of Change over n bars, as a ratio.
-- parameters: x = close, n = 10
select x / prev(x, n) as rocr
