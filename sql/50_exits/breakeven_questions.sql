-- breakeven_questions: once a trade is far enough in favour, where its moved stop is touched.
-- reads: combos, level_touches. writes: breakeven_questions. key: question; also breakeven, breakeven_to, cand.
-- The moved stop holds from the bar after the one that reached the distance.
create or replace table breakeven_questions as
select
  row_number() over (order by m.breakeven, m.breakeven_to, a.cand) - 1 as question,
  m.breakeven, m.breakeven_to, a.cand, p.side, p.price, a.bar + 1 as from_bar
from (select distinct breakeven, breakeven_to from combos) m
join level_touches a on a.level = m.breakeven and a.bar is not null and a.fault is null
join level_touches p on p.level = m.breakeven_to and p.cand = a.cand and p.fault is null
order by question
