-- equal_to: true where the value all but equals that of the bar n bars ago, by that bar's measure. TA-Lib's Equal.
-- parameters: a, b, n = 1
-- example: equal_to(close, prev(close))
select within(a, b, prev(range_share(0.05), n)) as equal_to
