-- positions_do_not_overlap: a symbol has one position at a time.
-- reads: trades
select combo_id, trade_id, symbol, entry_ts, earlier_exit
from (
  select
    combo_id, trade_id, symbol, entry_ts, entry_pos,
    lag(exit_pos) over sequence as earlier_pos, lag(exit_ts) over sequence as earlier_exit
  from trades
  window sequence as (partition by combo_id, symbol order by entry_pos, trade_id)
)
where entry_pos < earlier_pos
