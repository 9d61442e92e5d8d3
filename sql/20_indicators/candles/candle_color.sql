-- candle_color: 1 for a white candle (close at or above the open), -1 for a black one.
-- parameters: none
select case when close >= open then 1 else -1 end as candle_color
