-- signals_accounted_for: every taken signal has its trade, and every trade its signal.
-- reads: signals, trades
select coalesce(s.combo_id, t.combo_id) as combo_id, s.ts, s.status, t.trade_id
from (select combo_id, trade_id, ts, status from signals where status = 'taken' or trade_id is not null) s
full join trades t on t.combo_id = s.combo_id and t.trade_id = s.trade_id
where s.trade_id is null or t.trade_id is null or s.status <> 'taken'
