-- histdata_ascii: HistData.com, generic ASCII export. No header: 20190101 170200;open;high;low;close;volume (always 0).
-- read: csv
-- delimiter: ;
-- columns: moment varchar, open double, high double, low double, close double, volume double
-- first line: ^\d{8} \d{6}(;[\d.]+){5}$
-- file name: ASCII_(?P<symbol>[A-Z0-9]+)_(?P<timeframe>[A-Z]\d+?)(?:_|\d{4})
-- clock: -05:00
select try_strptime(moment, '%Y%m%d %H%M%S') as ts, open, high, low, close, volume
from lines
