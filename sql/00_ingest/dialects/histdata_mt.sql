-- histdata_mt: HistData.com, MetaTrader export. No header: date, time, open, high, low, close, volume (always 0).
-- read: csv
-- columns: day varchar, minute varchar, open double, high double, low double, close double, volume double
-- first line: ^\d{4}\.\d\d\.\d\d,\d\d:\d\d(,[\d.]+){4},0$
-- file name: (?:^|_)MT_(?P<symbol>[A-Z0-9]+)_(?P<timeframe>[A-Z]\d+)_
-- clock: -05:00
-- HistData documents Eastern Standard Time without daylight saving; the files do not always keep to it (see docs).
select try_strptime(day || ' ' || minute, '%Y.%m.%d %H:%M') as ts, open, high, low, close, volume
from lines
