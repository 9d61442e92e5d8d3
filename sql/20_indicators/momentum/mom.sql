-- mom: Momentum: the change over n bars.
-- parameters: x = close, n = 10
select x - prev(x, n) as mom
