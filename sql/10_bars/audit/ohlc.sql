-- ohlc: runs of bars whose open or close lies outside low to high; they are kept, so that nothing is lost.
-- reads: bars. writes: findings. key: place, ts (first bar of the run; detail shows it).
-- tie rule: bar.
with broken as (
  select bar, ts, open, high, low, close from bars where low > open or low > close or high < open or high < close
),
runs as (
  select *, bar - row_number() over (order by bar) as run from broken
)
select
  bar >> 32 as place, 'outside low..high' as kind, min(ts) as ts, max(ts) as until, count(*) as bars, null::double as value,
  arg_min(format('open {} high {} low {} close {}', open, high, low, close), bar) as detail
from runs
group by bar >> 32, run
