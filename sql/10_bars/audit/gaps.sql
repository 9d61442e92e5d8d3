-- gaps: steps longer than a bar. kind 'closed': the market is closed then in other weeks too (weekends, daily breaks,
-- nights); kind 'inside': bars are missing where other weeks have them (outages, holidays, minutes without a trade).
-- reads: bars, timeframes. writes: findings. key: place, ts (the last bar before the gap; until is the first one after it).
-- A gap of a quarter of an hour or more is closed when at least half of the two weeks before and after have a gap around
-- the same middle; what sticks out of those, a quarter of an hour or more, makes it 'inside' with so many bars missing.
-- Where no other week can tell, a gap that holds a whole Saturday is closed. value: seconds from bar to bar.
-- tie rule: none needed, gaps of a dataset do not overlap.
with steps as (
  select bar >> 32 as place, ts, lag(ts) over () as after, lag(bar) over () = bar - 1 as follows from bars
),
gaps as (
  select
    s.place, s.after, s.ts as before, t.seconds,
    epoch(s.ts - s.after)::bigint as length,
    s.after + (s.ts - s.after) / 2 as middle,
    min(s.after) over (partition by s.place) as earliest,
    max(s.ts) over (partition by s.place) as latest
  from steps s
  join timeframes t on t.place = s.place
  where s.follows and epoch_us(s.ts) - epoch_us(s.after) > t.seconds * 1000000
),
probes as (
  select g.*, w.week, g.middle + w.week * interval 7 day as probe
  from gaps g
  cross join (values (-2), (-1), (1), (2)) w (week)
  where g.length - g.seconds >= 900 and g.middle + w.week * interval 7 day between g.earliest and g.latest
),
found as (
  select
    p.place, p.after, o.before > p.probe as closed,
    greatest(p.after, o.after - p.week * interval 7 day) as covered_from,
    least(p.before, o.before - p.week * interval 7 day) as covered_to
  from probes p
  asof join gaps o on o.place = p.place and o.after <= p.probe
),
recurring as (
  select
    place, after, count(*) as weeks, count(*) filter (where closed) as closed_weeks,
    min(covered_from) filter (where closed) as covered_from, max(covered_to) filter (where closed) as covered_to
  from found
  group by place, after
),
judged as (
  select
    g.*,
    case
      when coalesce(r.weeks, 0) = 0 and date_trunc('week', g.before) - interval 2 day >= g.after
        and date_trunc('week', g.before) - interval 1 day <= g.before
        then 0
      when r.closed_weeks * 2 >= r.weeks and r.closed_weeks > 0
        then epoch(r.covered_from - g.after)::bigint + epoch(g.before - r.covered_to)::bigint
    end as outside
  from gaps g
  left join recurring r on r.place = g.place and r.after = g.after
)
select
  place, if(outside < 900, 'closed', 'inside') as kind, after as ts, before as until,
  if(outside >= 900, ceil(outside / seconds), ceil(length / seconds) - 1)::bigint as bars,
  length::double as value, null::varchar as detail
from judged
