-- sar: Parabolic Stop and Reverse. J. Welles Wilder, 1978.
-- parameters: acceleration = 0.02, maximum = 0.2
-- The stop for this bar. The first direction follows the first two bars' directional movement, long in case of doubt.
select
  least(acceleration, maximum) as _pace,
  abs(sarext(0, 0, _pace, acceleration, maximum, _pace, acceleration, maximum)) as sar
