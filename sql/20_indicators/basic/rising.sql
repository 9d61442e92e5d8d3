-- rising: true where the value is higher than each of the n before it.
-- parameters: x = close, n = 3
select x > highest(prev(x), n) as rising
