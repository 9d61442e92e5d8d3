-- mavp: Moving Average with Variable Period: on each bar of the period that bar asks for. TA-Lib.
-- parameters: x = close, periods, low = 2, high = 30, matype = 0
-- example: mavp(close, 2 + bar_number() % 20)
-- Periods are cut to whole numbers from low to high. All averages start with the longest one, as in TA-Lib.
select
  warmup(ma(x, high, matype)) as _start,
  choose(
    trunc(greatest(least(periods, high), low)), k, low, high,
    ma(after(x, _start - warmup(ma(x, k, matype))), k, matype)) as mavp
