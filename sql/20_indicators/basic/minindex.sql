-- minindex: number of the bar that had the least of the last n values; of equal ones the newest.
-- parameters: x = close, n = 30
-- TA-Lib takes the oldest of equal ones when its previous extreme has just left the window, else the newest.
select bar_number() - rolling_argmin(x, n) as minindex
