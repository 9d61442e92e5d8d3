-- willr: Williams %R. Larry Williams, 1973. Range -100..0.
-- parameters: n = 14
-- NULL where the window has no range (TA-Lib gives 0).
select -100 * (highest(high, n) - close) / (highest(high, n) - lowest(low, n)) as willr
