-- kicks: two long bodies without shadows, of different colour, with a gap between them in the second one's direction.
-- parameters: none
select prev(marubozu()) and marubozu()
  and (prev(black()) and white() and low > prev(high) or prev(white()) and black() and high < prev(low)) as kicks
