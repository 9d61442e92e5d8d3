-- held: every position that is open at a mark, with its symbol's last close at that time.
-- reads: marks, trade_legs, symbols, blocks, bars. writes: held. key: combo_id, ts and the trade's part.
create or replace table held as
-- the marks that fall into a leg's life, found by its first and last: never marks times trades
with lives as (
  select t.combo_id, t.symbol, t.direction, t.quantity, t.entry_price, f.mark as first_mark, l.mark - 1 as last_mark
  from trade_legs t
  asof join marks f on f.combo_id = t.combo_id and f.ts >= t.entry_ts
  asof join marks l on l.combo_id = t.combo_id and l.ts >= t.exit_ts
),
open_at as materialized (
  select h.combo_id, m.ts, y.place, y.symbol, if(h.direction = 'long', 1, -1) * h.quantity as quantity, h.entry_price
  from (select *, unnest(range(first_mark, last_mark + 1)) as mark from lives where first_mark <= last_mark) h
  join marks m on m.combo_id = h.combo_id and m.mark = h.mark
  join symbols y on y.symbol = h.symbol
),
moments as materialized (select distinct place, ts from open_at),
-- a symbol's last close at a time: mostly there is a bar of that very time
exact as materialized (
  select m.place, m.ts, b.close
  from moments m
  join bars b on b.bar >> 32 = m.place and b.ts = m.ts
),
-- else first the block of bars the time falls into, then the bar
located as (
  select h.place, h.ts, k.block
  from (from moments except select place, ts from exact) h
  asof join (select block, block >> 27 as place, ts from blocks where level = 1) k on k.place = h.place and k.ts <= h.ts
),
closes as (
  select place, ts, close from exact
  union all
  select l.place, l.ts, max_by(b.close, b.bar)
  from located l
  join bars b on b.bar >> 5 = l.block and b.ts <= l.ts
  group by all
)
select h.combo_id, h.ts, h.place, h.symbol, h.quantity, h.entry_price, p.close
from open_at h
join closes p on p.place = h.place and p.ts = h.ts
