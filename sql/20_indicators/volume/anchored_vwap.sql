-- anchored_vwap: Volume-Weighted Average Price since the latest bar where the condition held.
-- parameters: since, price = typprice()
-- example: anchored_vwap(high = highest(high, 100))
-- anchored_vwap(false) never restarts: TA-Lib's VWAP. NULL before any volume (TA-Lib: 0).
select sum_since(price * volume, since) / sum_since(volume, since) as anchored_vwap
