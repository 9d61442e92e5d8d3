-- freqtrade_json: freqtrade and ccxt: [[epoch ms, open, high, low, close, volume], …].
-- read: json
-- first line: ^\s*\[\s*\[\s*\d{13}\s*(,\s*[\d.eE+-]+\s*){5}\]
-- file name: (?P<symbol>[A-Z0-9]+_[A-Z0-9]+)(?:_[A-Z]+)?-(?P<timeframe>\d+[mhd])
select
  try(make_timestamp(try_cast(item ->> 0 as bigint) * 1000)) as ts,
  try_cast(item ->> 1 as double) as open, try_cast(item ->> 2 as double) as high, try_cast(item ->> 3 as double) as low,
  try_cast(item ->> 4 as double) as close, try_cast(item ->> 5 as double) as volume
from lines
