-- parkinson: volatility from the range of the bars, as a standard deviation per year. Michael Parkinson, 1980.
-- parameters: n = 20, bars_a_year = 252
select
  ln(high / low) as _range,
  sqrt(bars_a_year * sma(_range * _range, n) / (4 * ln(2))) as parkinson
