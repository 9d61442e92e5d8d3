-- bars_in_order: timestamps rise strictly within every symbol.
-- reads: bars
select bar, ts, earlier
from (select bar, ts, lag(ts) over () as earlier, lag(bar) over () as bar_before from bars)
where earlier >= ts and bar = bar_before + 1 or bar <= bar_before
limit 10
