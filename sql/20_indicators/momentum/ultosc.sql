-- ultosc: Ultimate Oscillator. Larry Williams, 1976. Range 0..100.
-- parameters: n1 = 7, n2 = 14, n3 = 28
-- NULL where one of the windows has no range (TA-Lib leaves that term out).
select
  close - least(low, prev(close)) as _pressure,
  rolling_sum(_pressure, n1) / rolling_sum(true_range(), n1) as _short,
  rolling_sum(_pressure, n2) / rolling_sum(true_range(), n2) as _middle,
  rolling_sum(_pressure, n3) / rolling_sum(true_range(), n3) as _long,
  100 * (4 * _short + 2 * _middle + _long) / 7 as ultosc
