-- minus_di: Minus Directional Indicator. J. Welles Wilder, 1978. Range 0..100.
-- parameters: n = 14
-- NULL where the price has not moved at all (TA-Lib gives 0; with n = 1 it also leaves out the factor 100).
select from_bar(100 * minus_dm(n) / range_sum(n), n) as minus_di
