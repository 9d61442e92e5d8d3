-- exits: those that finer bars decided for the target.
-- reads: inside_order. writes: exits (in place). key: combo_id, cand.
update exits
set exit_reason = 'target', exit_price = other_price, other_price = exit_price, gap = false
from inside_order o
where o.combo_id = exits.combo_id and o.cand = exits.cand and o.target_price_first and exits.other_price is not null
