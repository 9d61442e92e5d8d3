-- accbands: Acceleration Bands. Price Headley, 2002.
-- parameters: n = 20
select
  4 * (high - low) / (high + low) as _width,
  sma(high * (1 + _width), n) as upper,
  sma(close, n) as middle,
  sma(low * (1 - _width), n) as lower
