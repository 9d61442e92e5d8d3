-- efi: Elder's Force Index. Alexander Elder, 1993.
-- parameters: n = 13
select ema((close - prev(close)) * volume, n) as efi
