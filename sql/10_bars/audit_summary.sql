-- audit_summary: what the checks found, per dataset: bars (or rows) concerned by each.
-- reads: audit, datasets. writes: a query. key: symbol, timeframe.
-- A gap inside trading hours that at least half of three or more datasets of that timeframe have alike is a holiday.
with inside as (
  select symbol, timeframe, ts, until, bars from audit where check_name = 'gaps' and kind = 'inside'
),
alike as (
  select timeframe, ts, until, count(*) as having_it from inside group by all having count(*) >= 3
),
holidays as (
  select a.timeframe, a.ts, a.until
  from alike a
  join datasets d on d.timeframe = a.timeframe and d.first_ts <= a.ts and d.last_ts >= a.until
  group by a.timeframe, a.ts, a.until, a.having_it
  having a.having_it * 2 >= count(*)
),
gaps as (
  select
    i.symbol, i.timeframe,
    count(*) filter (where h.ts is not null) as holidays,
    count(*) filter (where h.ts is null) as gaps,
    coalesce(sum(i.bars) filter (where h.ts is null), 0)::bigint as missing,
    max(i.bars) filter (where h.ts is null) as largest
  from inside i
  left join holidays h on h.timeframe = i.timeframe and h.ts = i.ts and h.until = i.until
  group by i.symbol, i.timeframe
),
counts as (
  select
    symbol, timeframe,
    coalesce(sum(bars) filter (where check_name = 'rejected'), 0)::bigint as rejected,
    coalesce(sum(bars) filter (where check_name = 'duplicates' and kind = 'identical'), 0)::bigint as identical,
    coalesce(sum(bars) filter (where check_name = 'duplicates' and kind = 'conflicting'), 0)::bigint as conflicting,
    coalesce(sum(bars) filter (where check_name = 'out_of_order'), 0)::bigint as out_of_order,
    coalesce(sum(bars) filter (where check_name = 'switches'), 0)::bigint as switches,
    coalesce(sum(bars) filter (where check_name = 'ohlc'), 0)::bigint as ohlc,
    count(*) filter (where check_name = 'spikes') as spikes,
    count(*) filter (where check_name = 'splits') as splits,
    coalesce(sum(bars) filter (where check_name = 'zero_volume'), 0)::bigint as zero_volume,
    coalesce(sum(bars) filter (where check_name = 'flat'), 0)::bigint as flat,
    coalesce(sum(bars) filter (where check_name = 'off_grid'), 0)::bigint as off_grid,
    count(*) filter (where check_name = 'gaps' and kind = 'closed') as closed
  from audit
  group by symbol, timeframe
)
select
  d.symbol, d.timeframe, d.rows as bars,
  coalesce(c.rejected, 0) as rejected, coalesce(c.identical, 0) as identical, coalesce(c.conflicting, 0) as conflicting,
  coalesce(c.out_of_order, 0) as out_of_order, coalesce(c.switches, 0) as switches, coalesce(c.ohlc, 0) as ohlc,
  coalesce(g.gaps, 0) as gaps, coalesce(g.missing, 0) as missing, coalesce(g.largest, 0) as largest_gap,
  coalesce(g.holidays, 0) as holidays, coalesce(c.closed, 0) as closed,
  coalesce(c.spikes, 0) as spikes, coalesce(c.splits, 0) as splits, coalesce(c.zero_volume, 0) as zero_volume,
  coalesce(c.flat, 0) as flat, coalesce(c.off_grid, 0) as off_grid
from datasets d
left join counts c using (symbol, timeframe)
left join gaps g using (symbol, timeframe)
order by d.symbol, d.timeframe
