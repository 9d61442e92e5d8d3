-- excursion_bars: lowest and highest price while each trade was open, and the bars on which they were first reached.
-- reads: excursions, excursion_touches. writes: excursion_bars. key: combo_id, cand.
-- Where no bar before it reached the extreme, the end of the trade did.
create or replace table excursion_bars as
select
  x.combo_id, x.cand, x.lowest, x.highest,
  if(x.lowest = x.entry_lo, x.entry_bar, least(l.bar, x.exit_bar)) as low_bar,
  if(x.highest = x.entry_hi, x.entry_bar, least(h.bar, x.exit_bar)) as high_bar
from excursions x
left join excursion_touches l on l.question = 2 * x.number
left join excursion_touches h on h.question = 2 * x.number + 1
