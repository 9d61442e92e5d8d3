-- usual_steps: the most frequent time between bars where a symbol's rows do not lie together, so that it shows only sorted.
-- reads: judged, inspected. writes: one row per part, source and symbol, in that order.
select part, source, symbol, mode(step) filter (where step > 0) as usual_step
from (
  select
    j.part, j.source, j.symbol,
    epoch_us(j.ts) - lag(epoch_us(j.ts)) over (partition by j.part, j.source, j.symbol order by j.ts) as step
  from judged j
  join inspected i on i.part = j.part and i.source = j.source and i.symbol = j.symbol and i.last_row - i.first_row + 1 <> i.rows
  where j.is_bar
)
group by part, source, symbol
order by part, source, symbol
