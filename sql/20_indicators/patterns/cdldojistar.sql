-- cdldojistar: Doji Star: 100 after a black candle, -100 after a white one.
-- parameters: none
-- Long; a doji that gaps on.
select pattern(
  prev(long_body()) and doji() and (prev(white()) and body_gap_up() or prev(black()) and body_gap_down()),
  -100 * prev(candle_color())) as cdldojistar
