-- cdlrisefall3methods: Rising (100) or Falling (-100) Three Methods.
-- parameters: none
-- Long; three short ones of the other colour going back inside its range; a long one that goes on beyond the first close.
select
  prev(candle_color(), 4) as _way,
  prev(high, 4) as _high,
  prev(low, 4) as _low,
  pattern(
    prev(long_body(), 4) and prev(short_body(), 3) and prev(short_body(), 2) and prev(short_body()) and long_body()
    and prev(candle_color(), 3) = -_way and prev(candle_color(), 2) = -_way and prev(candle_color()) = -_way
    and candle_color() = _way
    and prev(body_bottom(), 3) < _high and prev(body_top(), 3) > _low
    and prev(body_bottom(), 2) < _high and prev(body_top(), 2) > _low
    and prev(body_bottom()) < _high and prev(body_top()) > _low
    and prev(close, 2) * _way < prev(close, 3) * _way and prev(close) * _way < prev(close, 2) * _way
    and open * _way > prev(close) * _way and close * _way > prev(close, 4) * _way,
    100 * _way) as cdlrisefall3methods
