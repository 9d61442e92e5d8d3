-- from_bar: the same values, taken as defined from bar n of a symbol on (0 = the first), not before.
-- parameters: x, n
-- example: from_bar(close, 5)
select after(x, n - warmup(x)) as from_bar
