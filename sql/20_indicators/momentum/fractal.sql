-- fractal: Williams Fractals: 100 on the bar that confirms a swing. Bill Williams, 1995.
-- parameters: before = 2, later = 2
-- The swing itself was later bars ago; its extreme is beyond all before bars before it and all later bars after it.
select
  greatest(highest(high, later), prev(highest(high, before), later + 1)) as _above,
  least(lowest(low, later), prev(lowest(low, before), later + 1)) as _below,
  case when prev(high, later) > _above then 100 else 0 end as high,
  case when prev(low, later) < _below then 100 else 0 end as low
