-- bop: Balance of Power. Igor Livshin, 2001. Range -1..1.
-- parameters: none
-- NULL where the bar has no range (TA-Lib gives 0).
select (close - open) / (high - low) as bop
