-- excursions: lowest and highest price while each trade was open.
-- reads: taken, candidates, exits, bars, blocks. writes: excursions. key: combo_id, cand; also number.
-- Counted is what surely happened while the trade was open: its own fills, the bars it saw whole, the open of the bar it
-- ended in, the close of the bar an order was filled in. A range of bars is at most two blocks a level of the pyramid
-- and two pieces of single bars, so cost does not grow with holding time.
create or replace table excursions as
with recursive spans as materialized (
  select
    t.combo_id, t.cand, c.entry_bar, e.exit_bar, e.exit_price, c.entry_price,
    if(e.exit_reason in ('stop', 'target'), e.exit_price, null) as level_price,
    if(c.entry_pos % 4 = 1 and e.exit_bar > c.entry_bar, c.entry_close, c.entry_price) as entry_close,
    c.entry_bar + if(c.entry_pos % 4 = 0, 0, 1) as first_whole,
    e.exit_bar - if(e.exit_reason in ('time', 'session', 'end_of_data') and e.exit_pos % 4 = 2, 0, 1) as last_whole
  from taken t
  join candidates c on c.cand = t.cand
  join exits e on e.combo_id = t.combo_id and e.cand = t.cand
),
inner_blocks as (
  select combo_id, cand, 1 as level, (first_whole >> 5) + 1 as a, (last_whole >> 5) - 1 as b
  from spans
  where (first_whole >> 5) + 1 <= (last_whole >> 5) - 1
  union all
  select combo_id, cand, level + 1, (a + 1) >> 1, (b - 1) >> 1
  from inner_blocks
  where (a + 1) >> 1 <= (b - 1) >> 1
),
seen as (
  select p.combo_id, p.cand, b.lo, b.hi
  from (
    select combo_id, cand, level, a as block from inner_blocks where a & 1 = 1
    union all
    select combo_id, cand, level, b from inner_blocks where b & 1 = 0
  ) p
  join blocks b on b.level = p.level and b.block = p.block
  union all
  select
    p.combo_id, p.cand,
    if(p.whole, least(b.low, b.open), b.open), if(p.whole, greatest(b.high, b.open), b.open)
  from (
    select combo_id, cand, first_whole as a, least(last_whole, first_whole | 31) as b, true as whole from spans
    union all
    select combo_id, cand, last_whole - (last_whole & 31), last_whole, true from spans where last_whole >> 5 > first_whole >> 5
    union all
    select combo_id, cand, exit_bar, exit_bar, false from spans where first_whole <= exit_bar
  ) p
  join bars b on b.bar >> 5 = p.a >> 5 and b.bar between p.a and p.b
)
select
  row_number() over (order by p.combo_id, p.cand) as number, p.combo_id, p.cand, p.entry_bar, p.first_whole, p.exit_bar, p.level_price,
  least(p.entry_price, p.entry_close) as entry_lo, greatest(p.entry_price, p.entry_close) as entry_hi,
  least(min(s.lo), p.entry_price, p.exit_price, if(p.first_whole <= p.exit_bar, p.entry_close, null)) as lowest,
  greatest(max(s.hi), p.entry_price, p.exit_price, if(p.first_whole <= p.exit_bar, p.entry_close, null)) as highest
from spans p
left join seen s on s.combo_id = p.combo_id and s.cand = p.cand
group by p.combo_id, p.cand, p.entry_bar, p.first_whole, p.exit_bar, p.level_price, p.entry_price, p.entry_close, p.exit_price
order by number
