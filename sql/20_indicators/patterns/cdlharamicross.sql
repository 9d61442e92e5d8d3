-- cdlharamicross: Harami Cross: 100 after a black candle, -100 after a white one; 80 and -80 where one end is the same.
-- parameters: none
-- Long; a doji inside it.
select harami(doji()) as cdlharamicross
