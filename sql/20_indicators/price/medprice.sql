-- medprice: Median Price: the middle of the bar's range.
-- parameters: none
select (high + low) / 2 as medprice
