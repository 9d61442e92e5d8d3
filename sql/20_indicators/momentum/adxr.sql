-- adxr: Average Directional Index Rating: the mean of adx now and n - 1 bars ago. J. Welles Wilder, 1978.
-- parameters: n = 14
select (adx(n) + prev(adx(n), n - 1)) / 2 as adxr
