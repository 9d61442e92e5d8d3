-- questions: the touch questions of all levels that can be asked at once.
-- reads: levels. writes: questions (view). key: question.
-- A trail's level moves and the price of a break-even holds only later: those are asked in their own steps.
create or replace view questions as
select question, side, reach as price, from_bar
from levels
where fault is null and not at_entry and role not in ('trail', 'breakeven.to')
