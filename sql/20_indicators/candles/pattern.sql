-- pattern: the value of a pattern where its condition holds, else 0.
-- parameters: condition, value = 100
-- example: pattern(rising(close, 3))
select case when condition then value else 0 end as pattern
