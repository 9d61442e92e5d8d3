-- cmou: Chande Momentum Oscillator of plain sums, as its author has it. Tushar Chande, 1994. Range -100..100.
-- parameters: x = close, n = 14
-- NULL where the price has not moved (TA-Lib gives 0).
select 100 * rolling_sum(x - prev(x), n) / rolling_sum(abs(x - prev(x)), n) as cmou
