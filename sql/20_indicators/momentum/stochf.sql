-- stochf: Stochastic, fast. George Lane, 1950s. Range 0..100.
-- parameters: fast_n = 5, d_n = 3, d_matype = 0
-- NULL where the window has no range (TA-Lib gives 0).
select
  stoch_k(high, low, close, fast_n) as _k,
  ma(_k, d_n, d_matype) as d,
  from_bar(_k, warmup(d)) as k
