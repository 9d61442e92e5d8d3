-- avgprice: Average Price: the mean of open, high, low and close.
-- parameters: none
select (open + high + low + close) / 4 as avgprice
