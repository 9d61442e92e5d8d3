-- cumsum: the sum of all values so far.
-- parameters: x = close
select running_sum(x) as cumsum
