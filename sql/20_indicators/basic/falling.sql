-- falling: true where the value is lower than each of the n before it.
-- parameters: x = close, n = 3
select x < lowest(prev(x), n) as falling
