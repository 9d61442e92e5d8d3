-- prev_or: the value one bar ago; on a symbol's first bar the other value.
-- parameters: x, other
-- example: prev_or(close, open)
select since_start(case when bar_number() = 0 then other else prev(x) end) as prev_or
