-- kdj: KDJ: the slow stochastic with Wilder's smoothing and the line 3 k - 2 d.
-- parameters: fast_n = 9, k_n = 3, k_matype = 13, d_n = 3, d_matype = 13
select stoch(fast_n, k_n, k_matype, d_n, d_matype) as _s, _s.k as k, _s.d as d, 3 * k - 2 * d as j
