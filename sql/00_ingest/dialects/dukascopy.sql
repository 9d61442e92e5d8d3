-- dukascopy: Dukascopy historical data export. Header, day first: 01.01.2017 22:00:00.000,open,high,low,close,volume.
-- read: csv
-- skip: 1
-- columns: moment varchar, open double, high double, low double, close double, volume double
-- first line: ^(Gmt time|Local time|Time|Time \(EET\)|Time \(UTC\)),Open,High,Low,Close,Volume
-- second line: ^\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d
-- file name: (?P<symbol>[A-Z]{6})_(?:Candlestick_)?(?P<timeframe>\d+_?[MHD]|\d+[MHD])
select
  coalesce(
    try_strptime(left(moment, 19), '%d.%m.%Y %H:%M:%S'),
    try_strptime(left(moment, 10), '%d.%m.%Y')
  ) as ts,
  open, high, low, close, volume
from lines
