-- cdlmatchinglow: Matching Low: 100.
-- parameters: none
-- Two black with equal closes.
select pattern(prev(black()) and black() and equal_to(close, prev(close))) as cdlmatchinglow
