-- typprice: Typical Price: the mean of high, low and close.
-- parameters: none
select (high + low + close) / 3 as typprice
