-- hurst: Hurst exponent from how the spread of changes grows with their length: 0.5 for a random walk, more for trends.
-- parameters: x = close, n = 100, k = 16
-- The spreads of changes over one bar and over k bars, among the last n. H. E. Hurst, 1951; in this form Tiziana Di Matteo.
select ln(stddev(ln(x / prev(x, k)), n) / stddev(ln(x / prev(x)), n)) / ln(k) as hurst
