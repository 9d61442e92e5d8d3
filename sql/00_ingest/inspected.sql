-- inspected: how the bars of each symbol lie in each file: together or scattered, in order, each time once.
-- reads: judged. writes: inspected. key: part, source, symbol.
create or replace table inspected as
with numbered as (
  select
    part, row, source, symbol, ts,
    lag(ts) over () as earlier,
    lag(symbol) over () = symbol and lag(source) over () = source and lag(part) over () = part as follows
  from judged
  where is_bar
),
steps as (
  select *, if(follows, epoch_us(ts) - epoch_us(earlier), null) as step from numbered
)
select
  part, source, symbol,
  min(row) as first_row,
  max(row) as last_row,
  count(*) as rows,
  count(*) filter (where step < 0) as backward_steps,
  count(*) filter (where step = 0) as repeats,
  min(ts) as first_ts,
  max(ts) as last_ts,
  mode(step) filter (where step > 0) as usual_step
from steps
group by part, source, symbol
order by part, source, symbol
