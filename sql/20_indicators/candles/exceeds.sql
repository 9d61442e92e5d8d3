-- exceeds: true where a value is greater than an average it is measured with; a tie is no excess.
-- parameters: x, bound
-- example: exceeds(high - low, atr(14))
-- Prices have few digits, so ties are common, and rounding must not decide them: they are ties within one part in 1e9.
select x > bound * 1.000000001 as exceeds
