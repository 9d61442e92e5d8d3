-- states: per symbol, how its rows stand: how many, in order or not, each timestamp once or not.
-- reads: judged. writes: states. key: symbol.
create or replace table states as
with numbered as (
  select
    symbol, ts, reason,
    lag(ts) over () as earlier, lag(symbol) over () as symbol_before
  from (select symbol, ts, reason from judged where reason is null)
)
select
  symbol,
  count(*) as rows,
  count(*) filter (where symbol = symbol_before and ts < earlier) as backward_steps,
  count(*) filter (where symbol = symbol_before and ts = earlier) as repeats,
  count(*) filter (where symbol is distinct from symbol_before) as runs,
  min(ts) as first_ts,
  max(ts) as last_ts
from numbered
group by symbol
order by symbol
