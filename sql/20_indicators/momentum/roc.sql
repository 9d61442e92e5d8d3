-- roc: Rate of Change over n bars, in percent.
-- parameters: x = close, n = 10
select (x / prev(x, n) - 1) * 100 as roc
