-- steps: steps longer than a bar, and whether the market they are of closes at times.
-- reads: bars, timeframes. writes: steps. key: place, after (the last bar before the step; before is the first one after it).
-- A market closes when some hour of the week (day, for daily bars) is missing in half of the weeks or more.
-- tie rule: none needed, steps of a dataset do not overlap.
create or replace table steps as
with followed as (
  select bar >> 32 as place, ts, lag(ts) over () as after, lag(bar) over () = bar - 1 as follows from bars
),
gaps as (
  select
    s.place, s.after, s.ts as before, t.seconds, greatest(3600, least(t.seconds, 86400)) as unit,
    epoch(s.ts - s.after)::bigint as length,
    s.after + (s.ts - s.after) / 2 as middle,
    min(s.after) over (partition by s.place) as earliest,
    max(s.ts) over (partition by s.place) as latest
  from followed s
  join timeframes t on t.place = s.place
  where s.follows and epoch_us(s.ts) - epoch_us(s.after) > t.seconds * 1000000
),
missing as (
  select place, earliest, latest, unnest(range(
    (epoch(after)::bigint + seconds + unit - 1) // unit, epoch(before)::bigint // unit
  )) % (604800 // unit) as slot
  from gaps
  where length < 86400 * 14
),
closing as (
  select distinct place
  from (
    select place, slot, count(*) * 2 >= epoch(any_value(latest) - any_value(earliest)) / 604800 as closed
    from missing
    group by place, slot
  )
  where closed
)
select g.*, c.place is not null as closes
from gaps g
left join closing c on c.place = g.place
