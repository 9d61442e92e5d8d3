-- ht_sine: Hilbert Transform, sine of the cycle's phase and the same 45 degrees ahead. John Ehlers, 2001.
-- parameters: x = close
select sin(ht_dcphase(x) * pi() / 180) as sine, sin((ht_dcphase(x) + 45) * pi() / 180) as leadsine
