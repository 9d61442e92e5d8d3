-- dx: Directional Movement Index. J. Welles Wilder, 1978. Range 0..100.
-- parameters: n = 14
-- NULL where the price has not moved at all (TA-Lib repeats the value before).
select from_bar(100 * abs(plus_dm(n) - minus_dm(n)) / (plus_dm(n) + minus_dm(n)), n) as dx
