-- drawdowns: every stretch below the highest equity so far: peak, trough, recovery.
-- reads: equity. writes: drawdowns. key: combo_id, number. recovery_ts is NULL while the account is still below.
-- (A running count with FILTER would evaluate its frame for every row; a running sum does not.)
create or replace table drawdowns as
with marked as materialized (
  select
    combo_id, ts, drawdown,
    sum(if(drawdown <= 0, 1, 0)) over (partition by combo_id order by ts rows unbounded preceding) as number
  from equity
),
spans as (
  select combo_id, number, min(ts) as peak_ts, max(drawdown) as depth
  from marked
  group by combo_id, number
),
bounded as (
  select *, lead(peak_ts) over (partition by combo_id order by number) as recovery_ts
  from spans
),
deep as (
  select s.combo_id, s.number, s.peak_ts, s.recovery_ts, s.depth, min(m.ts) as trough_ts
  from bounded s
  join marked m on m.combo_id = s.combo_id and m.number = s.number and m.drawdown = s.depth
  where s.depth > 0
  group by all
)
select
  combo_id, row_number() over (partition by combo_id order by number) as number,
  peak_ts, trough_ts, recovery_ts, depth,
  epoch(trough_ts - peak_ts) / 86400 as days_down,
  epoch(coalesce(recovery_ts, (select max(ts) from equity)) - peak_ts) / 86400 as days
from deep
order by combo_id, number
