-- marks: the moments at which the account is valued: bars on which a trade or a part of one ended, and mark_closes.
-- reads: combos, trade_legs, mark_closes. writes: marks. key: combo_id, ts; mark counts them.
create or replace table marks as
select combo_id, ts, row_number() over (partition by combo_id order by ts) as mark
from (
  select combo_id, exit_ts as ts from trade_legs
  union
  select m.combo_id, d.ts from combos m cross join (select max(ts) as ts from mark_closes group by mark) d
)
order by combo_id, ts
