-- harami: a body inside the long one before, if the condition holds: 100 or -100, and 80 or -80 where one end is the same.
-- parameters: condition
-- example: harami(falling(close, 3))
select case
  when not (prev(long_body()) and condition) then 0
  when body_top() < prev(body_top()) and body_bottom() > prev(body_bottom()) then -100 * prev(candle_color())
  when body_top() <= prev(body_top()) and body_bottom() >= prev(body_bottom()) then -80 * prev(candle_color())
  else 0 end as harami
