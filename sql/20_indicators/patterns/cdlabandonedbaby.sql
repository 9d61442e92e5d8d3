-- cdlabandonedbaby: Abandoned Baby: 100 at a bottom, -100 at a top.
-- parameters: penetration = 0.3
-- Long; a doji with a gap on both sides; a third of the other colour well into the first.
select pattern(
  prev(long_body(), 2) and prev(doji()) and long_body()
  and (prev(white(), 2) and black() and close < prev(close, 2) - prev(real_body(), 2) * penetration
      and prev(low) > prev(high, 2) and high < prev(low)
    or prev(black(), 2) and white() and close > prev(close, 2) + prev(real_body(), 2) * penetration
      and prev(high) < prev(low, 2) and low > prev(high)),
  100 * candle_color()) as cdlabandonedbaby
