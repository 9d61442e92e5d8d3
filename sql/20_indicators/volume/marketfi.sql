-- marketfi: Market Facilitation Index: range per unit of volume. Bill Williams, 1995.
-- parameters: none
-- NULL where no volume was traded (TA-Lib gives 0).
select (high - low) / volume as marketfi
