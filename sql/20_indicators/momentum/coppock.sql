-- coppock: Coppock Curve: the weighted average of two rates of change. Edwin Coppock, 1962.
-- parameters: x = close, n = 10, fast = 11, slow = 14
select wma(roc(x, fast) + roc(x, slow), n) as coppock
