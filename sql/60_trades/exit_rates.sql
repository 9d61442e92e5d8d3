-- exit_rates: what one unit of a symbol's quote currency is worth in the account's, when a part of a trade ends.
-- reads: legs, candidates, rates, symbols. writes: exit_rates. key: combo_id, cand, leg.
create or replace table exit_rates as
select l.combo_id, l.cand, l.leg, r.rate
from (
  select l.combo_id, l.cand, l.leg, l.exit_ts, y.symbol
  from legs l
  join candidates c on c.cand = l.cand
  join symbols y on y.place = c.entry_bar >> 32
) l
asof left join rates r on r.symbol = l.symbol and r.known_from <= l.exit_ts
order by l.combo_id, l.cand, l.leg
