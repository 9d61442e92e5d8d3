-- splits: the price starts a bar at least 30 % away from the last close and stays there: a split, spin-off or dividend
-- that was not adjusted, or news. value: new price over old.
-- reads: bars. writes: findings. key: place, ts (the first bar at the new price; detail names the nearest usual ratio).
-- A way back from a single wrong bar is none. It stays when this close and the next one are no nearer than two thirds of the way (in logarithms).
-- tie rule: the smaller ratio.
with lagged as (
  select
    bar, lag(ts) over () as ts, lag(close, 3) over () as earlier, lag(close, 2) over () as before,
    lag(open) over () as open, lag(close) over () as close, close as after,
    lag(bar, 2) over () = bar - 2 as follows, lag(bar, 3) over () = bar - 3 as has_earlier
  from bars
),
jumps as (
  select bar >> 32 as place, *, ln(open / before) as jump
  from lagged
  where follows and (open > before * 1.3 or open * 1.3 < before)
    and ln(close / before) / ln(open / before) >= 0.6667 and ln(after / before) / ln(open / before) >= 0.6667
    and not coalesce(has_earlier and ln(before / earlier) / ln(open / before) <= -0.6667, false)
),
ratios (old, new) as (
  values (2, 1), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1), (8, 1), (10, 1), (15, 1), (20, 1), (3, 2), (4, 3), (5, 4), (5, 3), (7, 5)
),
named as (
  select
    j.*, r.old, r.new, abs(abs(j.jump) - ln(r.old / r.new)) as distance,
    row_number() over (partition by j.place, j.ts order by abs(abs(j.jump) - ln(r.old / r.new)), r.old) as nearness
  from jumps j
  cross join ratios r
)
select
  place, if(jump < 0, 'split or payout', 'reverse split') as kind, ts, ts as until, 1::bigint as bars, exp(jump) as value,
  format('from {} to {}', before, open)
    || if(distance < 0.03, format(', near {} for {}', if(jump < 0, old, new), if(jump < 0, new, old)), '') as detail
from named
where nearness = 1
