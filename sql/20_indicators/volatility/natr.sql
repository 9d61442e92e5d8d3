-- natr: Normalised Average True Range, in percent of the close.
-- parameters: n = 14
select 100 * atr(n) / close as natr
