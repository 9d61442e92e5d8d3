-- cdlhikkakemod: Modified Hikkake: 100 bullish, -100 bearish; 200 and -200 when one of the next three bars confirms it.
-- parameters: none
-- A bar inside the one before that closes near its low (high); an inside bar; a fourth with lower (higher) high and low.
select
  prev(range_share(0.2), 2) as _near,
  prev(high < prev(high) and low > prev(low), 2) and prev(high < prev(high) and low > prev(low)) as _inside,
  case
    when _inside and high < prev(high) and low < prev(low) and not exceeds(prev(close, 2) - prev(low, 2), _near) then 100
    when _inside and high > prev(high) and low > prev(low) and not exceeds(prev(high, 2) - prev(close, 2), _near) then -100
    else 0 end as _found,
  from_bar(confirmed(_found), 10) as cdlhikkakemod
