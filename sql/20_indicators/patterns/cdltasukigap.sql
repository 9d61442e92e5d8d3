-- cdltasukigap: Tasuki Gap: 100 upside, -100 downside.
-- parameters: none
-- A gap; a candle going on; one of like size and the other colour that opens in its body and closes inside the gap.
select
  below(abs(prev(real_body()) - real_body()), prev(range_share(0.2))) as _like,
  from_bar(pattern(
    _like and (prev(body_gap_up()) and prev(white()) and black() and open < prev(close) and open > prev(open)
        and close < prev(open) and close > prev(body_top(), 2)
      or prev(body_gap_down()) and prev(black()) and white() and open < prev(open) and open > prev(close)
        and close > prev(open) and close < prev(body_bottom(), 2)),
    100 * prev(candle_color())), 7) as cdltasukigap
