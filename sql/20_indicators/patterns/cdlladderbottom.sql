-- cdlladderbottom: Ladder Bottom: 100.
-- parameters: none
-- Three black opening and closing lower; a black with an upper shadow; a white opening above it and closing above its high.
select from_bar(pattern(
  prev(black(), 4) and prev(black(), 3) and prev(black(), 2)
  and prev(open, 4) > prev(open, 3) and prev(open, 3) > prev(open, 2)
  and prev(close, 4) > prev(close, 3) and prev(close, 3) > prev(close, 2)
  and prev(black() and exceeds(upper_shadow(), doji_limit())) and white() and open > prev(open) and close > prev(high)), 14)
  as cdlladderbottom
