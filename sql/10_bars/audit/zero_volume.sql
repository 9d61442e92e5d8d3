-- zero_volume: runs of bars without any volume: five or more, or one from daily bars on. Prices nobody may have traded at.
-- reads: bars, timeframes. writes: findings. key: place, ts (first bar of the run).
-- tie rule: bar.
with runs as (
  select bar, ts, bar - row_number() over (order by bar) as run from bars where volume = 0
),
grouped as (
  select bar >> 32 as place, min(ts) as ts, max(ts) as until, count(*) as bars from runs group by bar >> 32, run
)
select g.place, 'volume 0' as kind, g.ts, g.until, g.bars, null::double as value, null::varchar as detail
from grouped g
join timeframes t on t.place = g.place
where g.bars >= 5 or t.seconds >= 86400
