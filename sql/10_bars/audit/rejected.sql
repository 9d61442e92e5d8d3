-- rejected: rows that are no bars, in runs of the same reason, with the first as it stood in the source.
-- reads: judged, members, row_offsets. writes: findings. key: place, detail. At most 1000 runs per file and reason.
-- A row whose symbol is missing counts for the first symbol of its file.
-- tie rule: row.
with refused_rows as (
  select
    j.source, j.part, j.row, j.reason, j.ts,
    coalesce(m.place, f.place) as place,
    coalesce(
      j.raw, concat_ws(
        ',', coalesce(j.ts::varchar, ''), coalesce(j.open::varchar, ''), coalesce(j.high::varchar, ''),
        coalesce(j.low::varchar, ''), coalesce(j.close::varchar, ''), coalesce(j.volume::varchar, '')
      )
    ) as text
  from judged j
  left join members m on m.source = j.source and m.symbol = j.symbol
  left join (select source, min(place) as place from members group by source) f on f.source = j.source
  where not j.is_bar
),
runs as (
  select *, row - row_number() over (partition by part, source, place, reason order by row) as run from refused_rows
),
grouped as (
  select
    place, source, part, reason, min(row) as row, min(ts) as ts, max(ts) as until, count(*) as bars, arg_min(text, row) as text
  from runs
  where place is not null
  group by place, source, part, reason, run
)
select
  g.place, g.reason as kind, g.ts, g.until, g.bars, null::double as value,
  format('{} row {}: {}', o.name, g.row - o.first_row + 1, left(g.text, 200)) as detail
from grouped g
join row_offsets o on o.part = g.part and o.source = g.source
qualify row_number() over (partition by g.source, g.reason order by g.part, g.row) <= 1000
