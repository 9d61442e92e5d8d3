-- fosc: Forecast Oscillator: distance from the forecast of the bar before, in percent. Tushar Chande.
-- parameters: x = close, n = 5
select 100 * (x - prev(tsf(x, n))) / x as fosc
