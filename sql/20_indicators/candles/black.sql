-- black: true for a black candle: close below the open.
-- parameters: none
select close < open as black
