-- rvol: Relative Volume against the mean of the n bars before.
-- parameters: n = 20
-- NULL where those had no volume.
select volume / prev(sma(volume, n)) as rvol
