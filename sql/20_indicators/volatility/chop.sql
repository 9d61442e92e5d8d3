-- chop: Choppiness Index: the path of n bars against the range it covered, 100 for no progress. E. W. Dreiss.
-- parameters: n = 14
-- NULL where the price has not moved.
select 100 * log10(rolling_sum(true_range(), n) / (highest(greatest(high, prev(close)), n) - lowest(least(low, prev(close)), n)))
  / log10(n) as chop
