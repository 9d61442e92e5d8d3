-- level_touches: the bar on which every level is first touched.
-- reads: levels, touches, candidates. writes: level_touches. key: level, cand.
create or replace table level_touches as
select l.level, l.cand, l.role, l.side, l.price, l.distance, l.at_entry, l.entry_touch, l.entry_sure, l.fault,
  case when l.at_entry then c.entry_bar else t.bar end as bar
from levels l
join candidates c on c.cand = l.cand
left join touches t on t.question = l.question
order by l.level, l.cand
