-- trima: Triangular Moving Average, a mean of means: the middle of the window weighs most.
-- parameters: x = close, n = 20
select sma(sma(x, (n + 1) // 2), n // 2 + 1) as trima
