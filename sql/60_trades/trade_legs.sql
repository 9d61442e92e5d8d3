-- trade_legs: the parts of every trade with their money.
-- reads: trades, legs. writes: trade_legs. key: combo_id, trade_id, leg.
-- A trade's profit is spread over its parts as their price differences are; costs by fraction.
create or replace table trade_legs as
select
  t.combo_id, t.trade_id, l.leg, t.symbol, t.direction, t.entry_ts, t.entry_price,
  l.exit_ts, l.exit_price, l.reason as exit_reason, l.fraction * t.quantity as quantity,
  if(t.direction = 'long', 1, -1) * (l.exit_price - t.entry_price) * l.fraction * t.quantity as gross_pnl,
  t.costs * l.fraction as costs
from trades t
join legs l on l.combo_id = t.combo_id and l.cand = t.cand
order by t.combo_id, t.trade_id, l.leg
