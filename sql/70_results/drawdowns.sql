-- drawdowns: every stretch below the highest equity so far: peak, trough, recovery.
-- reads: equity. writes: drawdowns. key: combo_id, number. recovery_ts is NULL while the account is still below.
create or replace table drawdowns as
with marked as (
  select
    combo_id, ts, drawdown,
    count(*) filter (where drawdown <= 0) over (partition by combo_id order by ts rows unbounded preceding) as number,
    lead(ts) over (partition by combo_id order by ts) as next_ts
  from equity
),
spans as (
  select
    combo_id, number,
    min(ts) filter (where drawdown <= 0) as peak_ts,
    min(ts) filter (where drawdown > 0) as first_ts,
    arg_max(ts, (drawdown, -epoch(ts))) as trough_ts,
    max(drawdown) as depth,
    max(next_ts) as recovery_ts,
    count(*) filter (where drawdown > 0) as marks
  from marked
  group by combo_id, number
)
select
  combo_id, row_number() over (partition by combo_id order by number) as number,
  coalesce(peak_ts, first_ts) as peak_ts, trough_ts, recovery_ts, depth,
  epoch(trough_ts - coalesce(peak_ts, first_ts)) / 86400 as days_down,
  epoch(coalesce(recovery_ts, (select max(ts) from equity)) - coalesce(peak_ts, first_ts)) / 86400 as days
from spans
where marks > 0
order by combo_id, number
