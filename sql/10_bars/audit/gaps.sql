-- gaps: steps longer than a bar. kind 'closed': the market is closed then in other weeks too (weekends, daily breaks,
-- nights); kind 'inside': bars are missing where other weeks have them (outages, holidays, minutes without a trade).
-- reads: steps. writes: findings. key: place, ts (the last bar before the gap; until is the first one after it).
-- The gaps of a market that never closes are all 'inside'. A gap of a quarter of an hour or more is closed when half of the
-- two weeks before and after have a gap around the same middle; what sticks out of the second-longest of those by a quarter
-- of an hour or more makes it 'inside' with so many bars missing. Where no other week can tell, a weekend is closed.
-- Closed hours are not counted as missing bars. value: seconds, bar to bar. Ties: none, gaps do not overlap.
with probes as (
  select g.*, w.week, g.middle + w.week * interval 7 day as probe
  from steps g
  cross join (values (-2), (-1), (1), (2)) w (week)
  where g.closes and g.length - g.seconds >= 900 and g.middle + w.week * interval 7 day between g.earliest and g.latest
    and g.middle + w.week * interval 7 day not between g.after and g.before
),
found as (
  select
    p.place, p.after, o.before > p.probe as closed,
    greatest(p.after, o.after - p.week * interval 7 day) as covered_from,
    least(p.before, o.before - p.week * interval 7 day) as covered_to
  from probes p
  asof left join steps o on o.place = p.place and o.after <= p.probe
),
recurring as (
  select
    place, after, count(*) as weeks, count(*) filter (where closed) as closed_weeks,
    list_sort(list(covered_from) filter (where closed)) as begins,
    list_reverse_sort(list(covered_to) filter (where closed)) as ends
  from found
  group by place, after
),
judged as (
  select
    g.*,
    case
      when r.closed_weeks * 2 >= r.weeks and r.closed_weeks > 0
        then epoch(coalesce(r.begins[2], r.begins[1]) - g.after)::bigint
          + epoch(g.before - coalesce(r.ends[2], r.ends[1]))::bigint
      when r.weeks is null and g.length < 86400 * 4 and g.closes
        and date_trunc('week', g.before) - interval 2 day >= g.after and date_trunc('week', g.before) - interval 1 day <= g.before
        then 0
    end as outside
  from steps g
  left join recurring r on r.place = g.place and r.after = g.after
),
counted as (
  select *, len(list_filter(
    range((epoch(after)::bigint + seconds + unit - 1) // unit, epoch(before)::bigint // unit),
    lambda slot: list_contains(closed_slots, slot % (604800 // unit))
  )) as closed_units
  from judged
)
select
  place, if(outside < 900, 'closed', 'inside') as kind, after as ts, before as until,
  case
    when outside < 900 then ceil(length / seconds) - 1
    else greatest(least(ceil(outside / seconds), ceil(length / seconds) - 1 - closed_units * unit // seconds), 1)
  end::bigint as bars,
  length::double as value, null::varchar as detail
from counted
