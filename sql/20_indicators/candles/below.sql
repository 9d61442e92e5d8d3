-- below: true where a value is less than an average it is measured with; a tie does not count.
-- parameters: x, bound
-- example: below(high - low, atr(14))
select x < bound * 0.999999999 as below
