-- wclprice: Weighted Close Price: the close counts twice.
-- parameters: none
select (high + low + close * 2) / 4 as wclprice
