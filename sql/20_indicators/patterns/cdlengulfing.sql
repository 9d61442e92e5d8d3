-- cdlengulfing: Engulfing Pattern: 100 bullish, -100 bearish; 80 and -80 where one end of the bodies is the same.
-- parameters: none
-- A body that covers the one before, which has the other colour.
select
  white() and prev(black()) and close >= prev(open) and open <= prev(close) and (close > prev(open) or open < prev(close))
    as _over_black,
  black() and prev(white()) and open >= prev(close) and close <= prev(open) and (open > prev(close) or close < prev(open))
    as _over_white,
  case when open <> prev(close) and close <> prev(open) then 100 else 80 end as _strength,
  after(pattern(_over_black or _over_white, candle_color() * _strength), 1) as cdlengulfing
