-- metrics: every figure by name, in all, by direction and by symbol.
-- reads: trade_metrics, equity_metrics. writes: metrics. key: combo_id, scope, name.
create or replace table metrics as
select combo_id, scope, name, value
from (
  select combo_id, scope, name, value
  from trade_metrics unpivot include nulls (value for name in (columns(* exclude (combo_id, scope))))
  union all
  select combo_id, 'all' as scope, name, value
  from equity_metrics unpivot include nulls (value for name in (columns(* exclude (combo_id))))
)
order by combo_id, scope, name
