-- qstick: Qstick: the mean body of the last n bars. Tushar Chande and Stanley Kroll, 1994.
-- parameters: n = 10
select sma(close - open, n) as qstick
