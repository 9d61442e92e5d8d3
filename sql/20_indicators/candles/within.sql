-- within: true where two prices lie no further apart than a share of the mean range. See range_share.
-- parameters: a, b, bound
-- example: within(close, open, atr(14) / 10)
select not exceeds(abs(a - b), bound) as within
