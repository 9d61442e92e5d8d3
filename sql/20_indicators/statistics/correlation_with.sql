-- correlation_with: correlation of the returns of this symbol and another one of the run over the last n bars.
-- parameters: other, x = close, n = 60
-- example: correlation_with('GBPSYN')
-- correlation_with('EURUSD') compares each return with the other symbol's latest one at that time.
select correl(rocp(x, 1), symbol(other, rocp(x, 1)), n) as correlation_with
