-- duplicates: rows dropped because a bar of that time was there before, in runs. kind 'identical': equal to the bar that
-- stays; kind 'conflicting': other prices or volume, shown by detail for the first of the run.
-- reads: repeats, row_offsets. writes: findings. key: place, ts, detail.
-- tie rule: row.
with runs as (
  select *, row - row_number() over (partition by place, part, source, identical order by row) as run from repeats
)
select
  r.place, if(r.identical, 'identical', 'conflicting') as kind, min(r.ts) as ts, max(r.ts) as until, count(*) as bars,
  null::double as value,
  format('{} row {}', any_value(o.name), min(r.row) - any_value(o.first_row) + 1)
    || if(r.identical, '', format(': kept {}, dropped {}', arg_min(r.kept, r.row), arg_min(r.dropped, r.row))) as detail
from runs r
join row_offsets o on o.part = r.part and o.source = r.source
group by r.place, r.part, r.source, r.identical, r.run
