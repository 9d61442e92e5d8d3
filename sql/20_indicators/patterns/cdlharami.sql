-- cdlharami: Harami: 100 after a black candle, -100 after a white one; 80 and -80 where one end of the bodies is the same.
-- parameters: none
-- Long; a short body inside it.
select harami(not exceeds(real_body(), body_average())) as cdlharami
