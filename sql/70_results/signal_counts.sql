-- signal_counts: how many signals there were, in all, by direction and by symbol.
-- reads: signals. writes: signal_counts. key: combo_id, scope.
create or replace table signal_counts as
select combo_id, scope, count(*) as signals
from (select combo_id, unnest(['all', direction, symbol]) as scope from signals)
group by combo_id, scope
order by combo_id, scope
