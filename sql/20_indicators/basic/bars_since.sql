-- bars_since: how many bars ago the condition last held: 0 on the bar itself, NULL before the first time.
-- parameters: condition
-- example: bars_since(close > open)
select bar_number() - last_where(bar_number(), condition) as bars_since
