-- aroon: how fresh the extremes of the last n + 1 bars are, 100 for the newest bar. Tushar Chande, 1995.
-- parameters: n = 14
select
  100 * (n - rolling_argmin(low, n + 1)) / n as down,
  100 * (n - rolling_argmax(high, n + 1)) / n as up
