-- maxindex: number of the bar that had the greatest of the last n values; of equal ones the newest.
-- parameters: x = close, n = 30
-- TA-Lib takes the oldest of equal ones when its previous extreme has just left the window, else the newest.
select bar_number() - rolling_argmax(x, n) as maxindex
