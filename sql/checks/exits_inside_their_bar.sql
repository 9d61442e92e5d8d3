-- exits_inside_their_bar: a trade is filled at prices its bars really had.
-- reads: trades, bars
select t.combo_id, t.trade_id, t.exit_ts, t.exit_price, b.open, b.high, b.low, b.close
from trades t
join bars b on b.bar = t.exit_bar
where t.exit_price < least(b.low, b.open, b.close) or t.exit_price > greatest(b.high, b.open, b.close)
  or t.exit_bar < t.entry_bar
