-- crossed_below: true on the bar where a falls below b after being at or above it.
-- parameters: a, b
-- example: crossed_below(close, ema(close, 20))
select a < b and prev(a) >= prev(b) as crossed_below
