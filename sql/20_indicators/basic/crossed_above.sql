-- crossed_above: true on the bar where a rises above b after being at or below it.
-- parameters: a, b
-- example: crossed_above(close, ema(close, 20))
select a > b and prev(a) <= prev(b) as crossed_above
