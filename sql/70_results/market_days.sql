-- market_days: what holding the symbols in equal parts, renewed every day, would have returned.
-- reads: mark_closes. writes: market_days. key: day.
create or replace table market_days as
with closes as (
  select place, ts::date as day, arg_max(close, ts) as close from mark_closes group by all
),
returns as (
  select day, place, close / lag(close) over (partition by place order by day) - 1 as r from closes
)
select day, exact_sum(r) / nullif(count(r), 0) as r from returns group by day order by day
