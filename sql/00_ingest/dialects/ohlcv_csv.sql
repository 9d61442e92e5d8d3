-- ohlcv_csv: candles without header as ccxt and others write them: epoch ms, open, high, low, close, volume.
-- read: csv
-- columns: moment bigint, open double, high double, low double, close double, volume double
-- first line: ^\d{13}(,[\d.eE+-]+){5}$
-- file name: (?P<symbol>[A-Z0-9]+_[A-Z0-9]+)-(?P<timeframe>\d+[mhd])
select try(make_timestamp(moment * 1000)) as ts, open, high, low, close, volume
from lines
