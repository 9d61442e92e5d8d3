-- aroonosc: Aroon Oscillator: up minus down. Tushar Chande, 1995. Range -100..100.
-- parameters: n = 14
select 100 * (rolling_argmin(low, n + 1) - rolling_argmax(high, n + 1)) / n as aroonosc
