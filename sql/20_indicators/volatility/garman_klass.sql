-- garman_klass: volatility from open, high, low and close, as a standard deviation per year. Garman and Klass, 1980.
-- parameters: n = 20, bars_a_year = 252
select
  ln(high / low) as _range,
  ln(close / open) as _body,
  sqrt(bars_a_year * sma(_range * _range / 2 - (2 * ln(2) - 1) * _body * _body, n)) as garman_klass
