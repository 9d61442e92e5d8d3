-- ht_dcperiod: Hilbert Transform, period of the dominant cycle in bars. John Ehlers, 2001.
-- parameters: x = close
select from_bar(smooth_period(x, 12), 32) as ht_dcperiod
