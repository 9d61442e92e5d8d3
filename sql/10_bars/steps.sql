-- steps: steps longer than a bar, and whether the market they are of closes at times.
-- reads: bars, timeframes. writes: steps. key: place, after (the last bar before the step; before is the first one after it).
-- A market closes when some hour of the week (day, for daily bars) is missing in half of the weeks or more: closed_slots,
-- counted in units (seconds) from Thursday 00:00 UTC, as the epoch is. Once is enough for Saturdays and Sundays only.
-- tie rule: none needed, steps of a dataset do not overlap.
create or replace table steps as
with followed as (
  select bar >> 32 as place, ts, lag(ts) over () as after, lag(bar) over () = bar - 1 as follows from bars
),
ends as (
  select bar >> 32 as place, min(ts) as earliest, max(ts) as latest from bars group by bar >> 32
),
gaps as (
  select
    s.place, s.after, s.ts as before, t.seconds, greatest(3600, least(t.seconds, 86400)) as unit,
    epoch(s.ts - s.after)::bigint as length,
    s.after + (s.ts - s.after) / 2 as middle, e.earliest, e.latest
  from followed s
  join timeframes t on t.place = s.place
  join ends e on e.place = s.place
  where s.follows and epoch_us(s.ts) - epoch_us(s.after) > t.seconds * 1000000
),
missing as (
  select place, unit, earliest, latest, unnest(range(
    (epoch(after)::bigint + seconds + unit - 1) // unit, epoch(before)::bigint // unit
  )) % (604800 // unit) as slot
  from gaps
  where length < 86400 * 14
),
closing as (
  select place, list(slot order by slot) as closed_slots
  from (
    select place, slot
    from missing
    group by place, slot, unit
    having count(*) * 2 >= epoch(any_value(latest) - any_value(earliest)) / 604800
      and (count(*) > 1 or slot * unit // 86400 in (2, 3))
  )
  group by place
)
select g.*, c.place is not null as closes, coalesce(c.closed_slots, []) as closed_slots
from gaps g
left join closing c on c.place = g.place
