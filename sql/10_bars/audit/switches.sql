-- switches: rows in hours that the source's clock shows twice (autumn) or leaves out (spring).
-- reads: switches, members. writes: findings. key: place, kind, ts.
-- A repeated hour was told apart by the order of the rows; a time that does not exist was moved on by the switch.
select
  m.place, if(s.kind = 'skipped', 'time that does not exist', 'hour that happens twice') as kind,
  min(s.ts) as ts, max(s.ts) as until, count(*) as bars, null::double as value, null::varchar as detail
from (select *, date_trunc('day', ts) as day from switches) s
join members m on m.source = s.source and m.symbol = s.symbol
group by m.place, s.kind, s.day
