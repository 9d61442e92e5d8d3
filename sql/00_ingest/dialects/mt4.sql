-- mt4: MetaTrader 4 history export. No header: date, time, open, high, low, close, tick volume. Times are the broker's.
-- read: csv
-- columns: day varchar, minute varchar, open double, high double, low double, close double, volume double
-- first line: ^\d{4}\.\d\d\.\d\d,\d\d:\d\d(,[\d.]+){4},[1-9]\d*$
-- file name: (?P<symbol>[A-Z]{6})(?P<minutes>1|5|15|30|60|240|1440)(?=[_.-]|$)
-- Brokers keep their own clock, often New York's switches on Eastern European time: --timezone broker:EET-US.
select try_strptime(day || ' ' || minute, '%Y.%m.%d %H:%M') as ts, open, high, low, close, volume
from lines
