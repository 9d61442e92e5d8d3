-- vortex: Vortex Indicator. Etienne Botes and Douglas Siepman, 2010.
-- parameters: n = 14
-- NULL where the bars have no range (TA-Lib gives 0).
select
  rolling_sum(abs(high - prev(low)), n) / rolling_sum(true_range(), n) as plus,
  rolling_sum(abs(low - prev(high)), n) / rolling_sum(true_range(), n) as minus
