-- entry_rates: what one unit of a symbol's quote currency is worth in the account's, when a trade begins.
-- reads: candidates, rates, symbols. writes: entry_rates. key: cand.
create or replace table entry_rates as
select c.cand, r.rate
from (select c.cand, c.entry_ts, y.symbol from candidates c join symbols y on y.place = c.entry_bar >> 32 where c.refused is null) c
asof left join rates r on r.symbol = c.symbol and r.known_from <= c.entry_ts
order by c.cand
