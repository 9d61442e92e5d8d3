-- positions_do_not_overlap: a symbol has one position at a time.
-- reads: trades
select combo_id, trade_id, symbol, entry_ts, earlier_exit
from (
  select
    combo_id, trade_id, symbol, entry_ts, entry_bar,
    lag(exit_bar) over sequence as earlier_bar, lag(exit_ts) over sequence as earlier_exit,
    lag(exit_reason = 'signal' or gap) over sequence as earlier_at_open
  from trades
  window sequence as (partition by combo_id, symbol order by entry_bar, trade_id)
)
where entry_bar < earlier_bar or entry_bar = earlier_bar and not earlier_at_open
