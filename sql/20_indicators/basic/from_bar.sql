-- from_bar: the same values, taken as defined from bar n of a symbol on (0 = the first), not before.
-- parameters: x, n
select after(x, n - warmup(x)) as from_bar
