-- rates_are_known: every fill of a trade has a conversion rate to the account's currency.
-- reads: trades
select combo_id, trade_id, symbol, entry_ts, exit_ts, pnl from trades where pnl is null or quantity is null limit 10
