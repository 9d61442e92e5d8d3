-- yang_zhang: volatility that allows for opening gaps and drift, as a standard deviation per year. Yang and Zhang, 2000.
-- parameters: n = 20, bars_a_year = 252
select
  n / (n - 1) as _unbiased,
  0.34 / (1.34 + (n + 1) / (n - 1)) as _share,
  sma(ln(high / close) * ln(high / open) + ln(low / close) * ln(low / open), n) as _inside,
  _unbiased * (rolling_variance(ln(open / prev(close)), n) + _share * rolling_variance(ln(close / open), n)) as _outside,
  sqrt(bars_a_year * (_outside + (1 - _share) * _inside)) as yang_zhang
