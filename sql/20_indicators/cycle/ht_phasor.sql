-- ht_phasor: Hilbert Transform, in-phase and quadrature part of the dominant cycle. John Ehlers, 2001.
-- parameters: x = close
select from_bar(hilbert(x, 12).inphase, 32) as inphase, from_bar(hilbert(x, 12).quadrature, 32) as quadrature
