-- account_ends: where every account ended, its highest and lowest, and how large its positions were beside it.
-- reads: equity. writes: account_ends. key: combo_id.
create or replace table account_ends as
select
  combo_id, arg_max(equity, ts) as final_equity, max(equity) as peak_equity, min(equity) as lowest_equity,
  max(exposed / nullif(equity, 0)) as max_gross_exposure
from equity
group by combo_id
order by combo_id
