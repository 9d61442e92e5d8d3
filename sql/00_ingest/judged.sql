-- judged: every row that was read, with the reason why it is no bar, if it is none.
-- reads: raw_rows. writes: judged (view). key: file, line.
create or replace view judged as
select
  file, line, symbol, ts, open, high, low, close, volume, raw,
  case
    when unreadable then 'not a number, or columns missing'
    when ts is null then 'timestamp missing or not understood'
    when open is null or high is null or low is null or close is null then 'price missing'
    when not (isfinite(open) and isfinite(high) and isfinite(low) and isfinite(close)) then 'price not finite'
    when least(open, high, low, close) <= 0 then 'price not positive'
    when not isfinite(volume) then 'volume not finite'
    when volume < 0 then 'volume negative'
  end as reason
from raw_rows
