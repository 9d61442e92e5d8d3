-- prev_or: the value one bar ago; on a symbol's first bar the other value.
-- parameters: x, other
select since_start(case when bar_number() = 0 then other else prev(x) end) as prev_or
