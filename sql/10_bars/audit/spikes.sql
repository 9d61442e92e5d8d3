-- spikes: prices that go far and come straight back. kind 'bar': the close is far from the closes before and after it;
-- kind 'wick': low or high is far from everything around it, the bar's own open and close included.
-- reads: bars, symbols. writes: findings. key: place, ts. value: robust z-score, for 'bar' the smaller one of way out and way back.
-- z = (log return - median) / spread; spread is the larger of 1.4826 * MAD (median absolute deviation) and, where 1,000
-- returns are known, their 99 % quantile / 2.576: prices have fat tails, some markets fatter ones. Of all log returns that
-- are not zero (every second, third, … one beyond half a million bars). Reported from |z| = 12 on; wide: some come near it.
with samples as (
  select list(bars // 500000 + 1 order by place) as steps from symbols
),
pairs as (
  select bar, close, lag(close) over () as before, lag(bar) over () = bar - 1 as follows from bars
),
moves as (
  select bar >> 32 as place, ln(close / before) as move
  from pairs
  where follows and close <> before and (bar & 4294967295) % ((select steps from samples))[(bar >> 32) + 1] = 0
),
scale as materialized (
  select
    place, median(move) as usual,
    greatest(mad(move) / 0.6745, if(count(*) >= 1000, quantile_cont(abs(move), 0.99) / 2.576, 0)) as spread
  from moves
  group by place
),
least_reach as (
  select exp(min(11.9 * spread - abs(usual))) as ratio from scale where spread > 0
),
lagged as (
  select
    bar, lag(ts) over () as ts, lag(close, 2) over () as before, lag(open) over () as open, lag(high) over () as high,
    lag(low) over () as low, lag(close) over () as close, close as after, lag(bar, 2) over () = bar - 2 as follows
  from bars
),
wide as (
  select bar >> 32 as place, * exclude (bar, follows)
  from lagged
  where follows
    and (greatest(high, close) > before * (select ratio from least_reach)
      or before > least(low, close) * (select ratio from least_reach) or high > low * (select ratio from least_reach))
),
scored as (
  select
    w.*,
    (ln(w.close / w.before) - s.usual) / s.spread as out,
    (ln(w.after / w.close) - s.usual) / s.spread as back,
    ln(w.high / greatest(w.before, w.open, w.close, w.after)) / s.spread as up,
    ln(least(w.before, w.open, w.close, w.after) / w.low) / s.spread as down
  from wide w
  join scale s on s.place = w.place and s.spread > 0
),
judged as (
  select *, if(out * back < 0, least(abs(out), abs(back)), 0) as bar_score, greatest(up, down) as wick_score from scored
)
select
  place, if(bar_score >= 12, 'bar', 'wick') as kind, ts, ts as until, 1::bigint as bars,
  if(bar_score >= 12, bar_score * sign(out), if(up > down, up, -down)) as value,
  format('close before {}; open {} high {} low {} close {}; close after {}', before, open, high, low, close, after) as detail
from judged
where bar_score >= 12 or wick_score >= 12
