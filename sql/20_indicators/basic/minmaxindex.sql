-- minmaxindex: numbers of the bars that had the least and the greatest of the last n values; of equal ones the newest.
-- parameters: x = close, n = 30
select minindex(x, n) as low, maxindex(x, n) as high
