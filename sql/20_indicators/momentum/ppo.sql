-- ppo: Percentage Price Oscillator: the difference of two averages in percent of the slow one. Gerald Appel.
-- parameters: x = close, fast = 12, slow = 26, matype = 1
select 100 * apo(x, fast, slow, matype) / ma(x, slow, matype) as ppo
