-- cdlsticksandwich: Stick Sandwich: 100.
-- parameters: none
-- Black; a white that trades above its close; a black with the first one's close.
select pattern(
  prev(black(), 2) and prev(white()) and black() and prev(low) > prev(close, 2) and equal_to(close, prev(close, 2), 2))
  as cdlsticksandwich
