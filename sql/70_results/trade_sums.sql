-- trade_sums: counts and sums over the trades, in all, by direction and by symbol.
-- reads: trades. writes: trade_sums. key: combo_id, scope.
create or replace table trade_sums as
with scoped as not materialized (
  select t.*, unnest(['all', direction, symbol]) as scope from trades t
),
streaks as (
  select combo_id, scope, won, max(length) as longest
  from (
    select combo_id, scope, won, streak, count(*) as length
    from (
      select combo_id, scope, pnl > 0 as won,
        row_number() over (partition by combo_id, scope order by trade_id)
          - row_number() over (partition by combo_id, scope, pnl > 0 order by trade_id) as streak
      from scoped
    ) group by all
  ) group by all
),
sums as (
  select
    combo_id, scope,
    count(*) as trades, count(*) filter (where pnl > 0) as winning_trades, count(*) filter (where pnl < 0) as losing_trades,
    exact_sum(pnl) as net_pnl, exact_sum(gross_pnl) as gross_pnl, exact_sum(costs) as costs,
    coalesce(exact_sum(case when pnl > 0 then pnl end), 0) as won,
    coalesce(exact_sum(case when pnl < 0 then pnl end), 0) as lost,
    max(pnl) as best_trade, min(pnl) as worst_trade, exact_sum(r_multiple) as sum_r, count(r_multiple) as count_r,
    exact_sum(return_pct) as sum_return, max(return_pct) as best_trade_pct, min(return_pct) as worst_trade_pct,
    exact_sum(mae_r) as sum_mae_r, count(mae_r) as count_mae_r, exact_sum(mfe_r) as sum_mfe_r, count(mfe_r) as count_mfe_r,
    sum(epoch_us(exit_ts) - epoch_us(entry_ts))::double as sum_us, max(epoch_us(exit_ts) - epoch_us(entry_ts))::double as max_us,
    sum(if(pnl > 0, bars_held, 0))::double as win_bars, sum(if(pnl < 0, bars_held, 0))::double as loss_bars,
    sum(bars_held)::double as bars_in_market,
    exact_sum(abs(pnl_if_other_first)) as ambiguous_pnl,
    exact_sum(spread_cost) as spread_costs, exact_sum(slippage_cost) as slippage_costs, exact_sum(commission) as commissions,
    exact_sum(financing) as financing,
    count(*) filter (where exit_reason = 'end_of_data') as end_of_data_trades,
    count(*) filter (where same_bar_ambiguous) as ambiguous_trades,
    count(*) filter (where gap) as gap_trades
  from scoped
  group by combo_id, scope
),
spread as (
  -- squared deviations from the mean, in a second pass so that nothing cancels
  select s.combo_id, s.scope, exact_sum((t.pnl - s.net_pnl / s.trades) * (t.pnl - s.net_pnl / s.trades)) as squares
  from sums s
  join scoped t on t.combo_id = s.combo_id and t.scope = s.scope
  group by s.combo_id, s.scope
)
select
  s.combo_id, s.scope,
  s.trades, s.winning_trades, s.losing_trades, s.net_pnl, s.gross_pnl, s.costs, s.won, s.lost, s.best_trade,
  s.worst_trade, s.sum_r, s.count_r, s.sum_return, s.best_trade_pct, s.worst_trade_pct, s.sum_mae_r, s.count_mae_r,
  s.sum_mfe_r, s.count_mfe_r, s.sum_us, s.max_us, s.win_bars, s.loss_bars, s.bars_in_market, s.ambiguous_pnl,
  s.spread_costs, s.slippage_costs, s.commissions, s.financing, s.end_of_data_trades, s.ambiguous_trades, s.gap_trades,
  d.squares, coalesce(w.longest, 0) as longest_wins, coalesce(l.longest, 0) as longest_losses
from sums s
join spread d on d.combo_id = s.combo_id and d.scope = s.scope
left join streaks w on w.combo_id = s.combo_id and w.scope = s.scope and w.won
left join streaks l on l.combo_id = s.combo_id and l.scope = s.scope and not l.won
order by s.combo_id, s.scope
