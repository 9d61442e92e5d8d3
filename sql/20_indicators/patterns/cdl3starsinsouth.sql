-- cdl3starsinsouth: Three Stars in the South: 100.
-- parameters: none
-- Long black with a long lower shadow; a smaller black above its low; a small black without shadows inside that.
select pattern(
  prev(black() and long_body() and lower_shadow() > real_body(), 2)
  and prev(black() and real_body() < prev(real_body()) and open > prev(close) and open <= prev(high)
    and low < prev(close) and low >= prev(low) and exceeds(lower_shadow(), doji_limit()))
  and black() and short_body() and no_lower_shadow() and no_upper_shadow()
  and low > prev(low) and high < prev(high)) as cdl3starsinsouth
