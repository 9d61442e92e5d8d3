-- bitfinex_csv: Bitfinex candles without header: epoch ms, open, CLOSE, HIGH, LOW, volume.
-- read: csv
-- columns: moment bigint, open double, close double, high double, low double, volume double
-- first line: ^\d{13}(,[\d.eE+-]+){5}$
-- file name: bitfinex_(?P<symbol>[A-Za-z0-9]+)_(?P<timeframe>\d+[mhd])_
select try(make_timestamp(moment * 1000)) as ts, open, high, low, close, volume
from lines
