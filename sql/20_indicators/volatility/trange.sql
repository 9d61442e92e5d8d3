-- trange: the bar's range, extended to the previous close: true_range, with TA-Lib's name.
-- parameters: none
select true_range() as trange
