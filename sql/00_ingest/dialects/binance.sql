-- binance: Binance kline dump, 12 columns, with or without header. Open time in epoch milliseconds or, since 2025, microseconds.
-- read: csv
-- header: maybe
-- extras: quote_volume, trades, taker_base, taker_quote
-- columns: opened bigint, open double, high double, low double, close double, volume double, closed bigint, quote_volume double, trades bigint, taker_base double, taker_quote double, ignored varchar
-- first line: ^(\d{13}|\d{16})(,[\d.eE+-]+){11}$|^open_time,open,high,low,close,volume,
-- file name: (?P<symbol>[A-Z0-9]+)-(?P<timeframe>\d+[mhdw])-
select
  case when opened >= 100000000000000 then try(make_timestamp(opened)) else try(make_timestamp(opened * 1000)) end as ts,
  open, high, low, close, volume, quote_volume, trades::double as trades, taker_base, taker_quote
from lines
