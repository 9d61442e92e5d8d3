-- vwma: Volume-Weighted Moving Average.
-- parameters: x = close, n = 20
-- NULL where no volume was traded in the window.
select rolling_sum(x * volume, n) / rolling_sum(volume, n) as vwma
