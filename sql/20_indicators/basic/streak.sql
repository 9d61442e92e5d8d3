-- streak: how many bars in a row, this one included, the condition has held.
-- parameters: condition
-- example: streak(close > open)
select case when condition then bar_number() - coalesce(last_where(bar_number(), not condition), -1) else 0 end as streak
