-- ht_dcphase: Hilbert Transform, phase of the dominant cycle in degrees, from -45 to 315. John Ehlers, 2001.
-- parameters: x = close
select from_bar(cycle_phase(x), 63) as ht_dcphase
