-- flat: runs of five or more bars that do not move at all: open, high, low and close of all of them are one price.
-- reads: bars. writes: findings. key: place, ts (first bar of the run). value: the price.
-- tie rule: bar.
with runs as (
  select bar, ts, close, bar - row_number() over (partition by close order by bar) as run
  from bars
  where high = low and open = close and close = low
)
select
  bar >> 32 as place, 'flat' as kind, min(ts) as ts, max(ts) as until, count(*) as bars, close as value,
  null::varchar as detail
from runs
group by bar >> 32, close, run
having count(*) >= 5
