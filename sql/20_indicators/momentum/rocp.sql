-- rocp: Rate of Change over n bars, as a fraction.
-- parameters: x = close, n = 10
select (x - prev(x, n)) / prev(x, n) as rocp
