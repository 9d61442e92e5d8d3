-- true_range: the bar's range, extended to the previous close. J. Welles Wilder, 1978. TA-Lib's TRANGE.
-- parameters: none
select greatest(high, prev(close)) - least(low, prev(close)) as true_range
