-- mt5_quoted: MetaTrader 5 export saved by a spreadsheet: every line is one quoted field with tabs inside, with header.
-- read: csv
-- delimiter: \x01
-- quote: none
-- skip: 1
-- columns: line varchar
-- first line: ^"(?i:time\topen\thigh\tlow\tclose\t\w*volume).*"$
select
  coalesce(try_cast(parts[1] as timestamp), try_strptime(parts[1], ['%Y.%m.%d %H:%M:%S', '%Y.%m.%d %H:%M', '%Y.%m.%d'])) as ts,
  try_cast(parts[2] as double) as open, try_cast(parts[3] as double) as high, try_cast(parts[4] as double) as low,
  try_cast(parts[5] as double) as close, try_cast(parts[6] as double) as volume
from (select *, string_split(trim(line, '"'), chr(9)) as parts from lines)
