-- ichimoku: Ichimoku Kinko Hyo. Goichi Hosoda, 1969.
-- parameters: tenkan_n = 9, kijun_n = 26, senkou_n = 52
-- senkou_a and senkou_b are the cloud over this bar, computed kijun_n bars ago. The lagging line would look ahead;
-- instead of it compare close with prev(close, kijun_n).
select
  midprice(tenkan_n) as tenkan,
  midprice(kijun_n) as kijun,
  prev((tenkan + kijun) / 2, kijun_n) as senkou_a,
  prev(midprice(senkou_n), kijun_n) as senkou_b
