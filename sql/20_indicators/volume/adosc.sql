-- adosc: Chaikin A/D Oscillator: difference of two averages of the A/D line. Marc Chaikin.
-- parameters: fast = 3, slow = 10
-- As in TA-Lib both averages start from the line's first value.
select
  ad() as _ad,
  recurrence(_ad, 2 / (fast + 1), (fast - 1) / (fast + 1), 1, 1) as _fast,
  recurrence(_ad, 2 / (slow + 1), (slow - 1) / (slow + 1), 1, 1) as _slow,
  from_bar(_fast - _slow, greatest(fast, slow) - 1) as adosc
