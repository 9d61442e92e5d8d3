-- day_closes: the last bar of every symbol on every day (UTC) that has bars.
-- reads: bars. writes: day_closes. key: place, day.
create or replace table day_closes as
with last_bars as (
  select bar >> 32 as place, ts::date as day, max(bar) as bar, count(*) as bars
  from bars
  group by all
)
select l.place, l.day, l.bar, l.bars, b.ts, b.close
from last_bars l
join bars b on b.bar = l.bar
order by l.place, l.day
