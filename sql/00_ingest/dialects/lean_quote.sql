-- lean_quote: QuantConnect Lean quote file. No header: milliseconds since midnight, bid OHLC and size, ask OHLC and size.
-- read: csv
-- columns: ms bigint, open double, high double, low double, close double, bid_size double, ask_open double, ask_high double, ask_low double, ask_close double, ask_size double
-- first line: ^\d{1,8}(,[\d.]*){10}$
-- file name: (?P<date>\d{8})_(?P<symbol>[a-z0-9]+)_(?P<timeframe>minute|second|hour|daily)_quote
-- extras: bid_size, ask_open, ask_high, ask_low, ask_close, ask_size
-- The day stands only in the file name. The bid side is taken; Lean has no volume for quotes.
select
  try_strptime(regexp_extract(file_name, '(\d{8})_', 1), '%Y%m%d') + to_milliseconds(ms) as ts,
  open, high, low, close, null::double as volume, bid_size, ask_open, ask_high, ask_low, ask_close, ask_size
from lines
