-- pvt: Price Volume Trend: volume weighted with the relative change of the price.
-- parameters: none
select running_sum((close / prev_or(close, close) - 1) * volume) as pvt
