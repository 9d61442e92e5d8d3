-- hma: Hull Moving Average. Alan Hull, 2005.
-- parameters: x = close, n = 20
-- Half length and root of the length are cut to whole numbers, as the author writes it.
select case when n = 1 then x else wma(2 * wma(x, n // 2) - wma(x, n), floor(sqrt(n))) end as hma
