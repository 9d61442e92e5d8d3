-- repeats: bars whose time was there before, beside the bar of that time that stays.
-- reads: sorted_rows. writes: repeats. key: place, ts, source, row.
-- tie rule: source, then row; the first bar of a time stays.
create or replace table repeats as
with marked as (
  select *, ts = lag(ts) over () and place = lag(place) over () as repeated from sorted_rows
),
dropped as (
  select * from marked where repeated
),
firsts as (
  select m.*
  from marked m
  join (select distinct place, ts from dropped) d on d.place = m.place and d.ts = m.ts
  where not coalesce(m.repeated, false)
)
select
  d.place, d.source, d.part, d.row, d.ts,
  (d.open, d.high, d.low, d.close, d.volume) is not distinct from (f.open, f.high, f.low, f.close, f.volume) as identical,
  concat_ws(' ', f.open, f.high, f.low, f.close, f.volume) as kept,
  concat_ws(' ', d.open, d.high, d.low, d.close, d.volume) as dropped
from dropped d
join firsts f on f.place = d.place and f.ts = d.ts
order by d.place, d.ts, d.source, d.row
