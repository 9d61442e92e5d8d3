-- off_grid: runs of bars whose time is no multiple of the bar length (of an hour, for longer bars).
-- reads: bars, timeframes. writes: findings. key: place, ts (first bar of the run). value: seconds off the grid, first bar.
-- tie rule: bar.
with grids as (
  select list(least(seconds, 3600) * 1000000 order by place) as steps from timeframes
),
beside as (
  select bar, ts, epoch_us(ts) % ((select steps from grids))[(bar >> 32) + 1] as off
  from bars
  where epoch_us(ts) % ((select steps from grids))[(bar >> 32) + 1] <> 0
),
runs as (
  select *, bar - row_number() over (order by bar) as run from beside
)
select
  bar >> 32 as place, 'off the grid' as kind, min(ts) as ts, max(ts) as until, count(*) as bars,
  arg_min(off, bar) / 1e6 as value, null::varchar as detail
from runs
group by bar >> 32, run
