-- stochrsi: Stochastic of the RSI. Tushar Chande and Stanley Kroll, 1994. Range 0..100.
-- parameters: x = close, n = 14, fast_n = 5, d_n = 3, d_matype = 0
-- NULL where the RSI has not moved, within 1e-9 (TA-Lib gives 0 or the quotient of two rounding errors).
select
  rsi(x, n) as _rsi,
  case when highest(_rsi, fast_n) - lowest(_rsi, fast_n) > 1e-9 then stoch_k(_rsi, _rsi, _rsi, fast_n) end as _k,
  ma(_k, d_n, d_matype) as d,
  from_bar(_k, warmup(d)) as k
