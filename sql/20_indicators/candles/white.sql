-- white: true for a white candle: close at or above the open.
-- parameters: none
select close >= open as white
