-- refused: how many rows of each file and symbol are no bars, by reason.
-- reads: judged. writes: refused. key: source, symbol, reason.
create or replace table refused as
select source, symbol, reason, count(*) as rows
from judged
where not is_bar
group by source, symbol, reason
order by source, symbol, reason
