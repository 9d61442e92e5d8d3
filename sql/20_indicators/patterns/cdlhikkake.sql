-- cdlhikkake: Hikkake: 100 bullish, -100 bearish; 200 and -200 when one of the next three bars confirms it. Daniel Chesler.
-- parameters: none
-- An inside bar; a third with lower high and low (bullish) or higher ones (bearish).
select
  prev(high) < prev(high, 2) and prev(low) > prev(low, 2) as _inside,
  case
    when _inside and high < prev(high) and low < prev(low) then 100
    when _inside and high > prev(high) and low > prev(low) then -100
    else 0 end as _found,
  confirmed(_found) as cdlhikkake
