-- flat: runs of five or more bars that do not move at all: open, high, low and close are the close of the bar before.
-- reads: bars. writes: findings. key: place, ts (first bar of the run). value: the price.
-- tie rule: bar.
with still as (
  select bar, ts, close
  from (select bar, ts, open, high, low, close, lag(close) over () as before, lag(bar) over () = bar - 1 as follows from bars)
  where follows and close = before and open = close and high = close and low = close
),
runs as (
  select *, bar - row_number() over (order by bar) as run from still
)
select
  bar >> 32 as place, 'flat' as kind, min(ts) as ts, max(ts) as until, count(*) as bars, min(close) as value,
  null::varchar as detail
from runs
group by bar >> 32, run
having count(*) >= 5
