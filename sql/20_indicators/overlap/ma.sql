-- ma: moving average of a kind chosen by number, as TA-Lib's MAType.
-- parameters: x = close, n = 20, matype = 0
-- 0 sma, 1 ema, 2 wma, 3 dema, 4 tema, 5 trima, 6 kama, 7 mama, 8 t3, 9 hma, 10 none, 12 zlema, 13 rma.
select case
  when n = 1 or matype = 10 then x when matype = 0 then sma(x, n) when matype = 1 then ema(x, n)
  when matype = 2 then wma(x, n) when matype = 3 then dema(x, n) when matype = 4 then tema(x, n)
  when matype = 5 then trima(x, n) when matype = 6 then kama(x, n) when matype = 7 then mama(x)
  when matype = 8 then t3(x, n) when matype = 9 then hma(x, n) when matype = 12 then zlema(x, n)
  when matype = 13 then rma(x, n) end as ma
