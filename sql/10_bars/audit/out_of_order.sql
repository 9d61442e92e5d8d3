-- out_of_order: where the time of the rows steps back, in runs of such steps; they are sorted.
-- reads: judged, members, row_offsets. writes: findings. key: place, detail. value: seconds back, first step.
-- ts is the time after the first step of the run, until the time before it. At most 1000 runs per file.
-- tie rule: row.
with numbered as (
  select
    part, source, symbol, row, ts, lag(ts) over () as earlier,
    lag(symbol) over () = symbol and lag(source) over () = source and lag(part) over () = part as follows,
    row_number() over () as step
  from judged
  where is_bar
),
steps as (
  select * from numbered where follows and ts < earlier
),
runs as (
  select *, step - row_number() over (order by step) as run from steps
),
grouped as (
  select
    part, source, symbol, arg_min(ts, step) as ts, arg_min(earlier, step) as until, min(row) as row, count(*) as bars
  from runs
  group by part, source, symbol, run
)
select
  m.place, 'steps back' as kind, g.ts, g.until, g.bars, epoch(g.until - g.ts) as value,
  format('{} row {}', o.name, g.row - o.first_row + 1) as detail
from grouped g
join members m on m.source = g.source and m.symbol = g.symbol
join row_offsets o on o.part = g.part and o.source = g.source
qualify row_number() over (partition by g.source order by g.part, g.row) <= 1000
