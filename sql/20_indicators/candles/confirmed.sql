-- confirmed: 200 or -200 on the first of three bars after a pattern that closes beyond the bar before the pattern's last.
-- parameters: found
-- example: confirmed(case when falling(close, 3) then 100 else 0 end)
-- found is 100, -100 or 0 per bar; a newer pattern replaces an older one.
select
  prev(found) as _f1, prev(found, 2) as _f2, prev(found, 3) as _f3,
  case when _f1 > 0 then close > prev(high, 2) else close < prev(low, 2) end as _now1,
  case when _f2 > 0 then close > prev(high, 3) else close < prev(low, 3) end as _now2,
  case when _f2 > 0 then prev(close) > prev(high, 3) else prev(close) < prev(low, 3) end as _before2,
  case when _f3 > 0 then close > prev(high, 4) else close < prev(low, 4) end as _now3,
  case when _f3 > 0 then greatest(prev(close), prev(close, 2)) > prev(high, 4)
    else least(prev(close), prev(close, 2)) < prev(low, 4) end as _before3,
  case
    when found <> 0 then found
    when _f1 <> 0 then case when _now1 then 2 * _f1 else 0 end
    when _f2 <> 0 then case when _now2 and not _before2 then 2 * _f2 else 0 end
    when _f3 <> 0 then case when _now3 and not _before3 then 2 * _f3 else 0 end
    else 0 end as confirmed
