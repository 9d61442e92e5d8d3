-- adx: Average Directional Index. J. Welles Wilder, 1978. Range 0..100.
-- parameters: n = 14
-- Unknown while a bar of unknown dx still has weight, which needs a market that has not moved at all.
select rma(dx(n), n) as adx
