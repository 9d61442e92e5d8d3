-- combo_metrics: one row per parameter set: its figures over all trades and its account.
-- reads: combos, trade_metrics, equity_metrics. writes: combo_metrics (view). key: combo_id.
-- Excursions are left out: they would cost more than everything else; a full run of one set has them.
create or replace view combo_metrics as
select t.* exclude (scope, avg_mae_r, avg_mfe_r), e.* exclude (combo_id)
from trade_metrics t
join equity_metrics e on e.combo_id = t.combo_id
where t.scope = 'all'
