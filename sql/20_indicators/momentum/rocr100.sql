-- rocr100: Rate of Change over n bars, as a ratio in percent.
-- parameters: x = close, n = 10
select 100 * x / prev(x, n) as rocr100
