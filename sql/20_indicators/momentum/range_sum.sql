-- range_sum: Wilder's sum of the true range over n bars, the divisor of the directional indicators. J. Welles Wilder, 1978.
-- parameters: n = 14
select case when n = 1 then true_range() else recurrence(true_range(), 1, 1 - 1 / n, n - 1, 1) end as range_sum
