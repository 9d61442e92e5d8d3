-- hilbert: the recursion behind Ehlers' cycle indicators: period, in-phase and quadrature part. John Ehlers, 2001.
-- parameters: x = close, start = 12
-- Starts from zero on bar start; d and q are the detrended price and the quadrature, d1 … q5 their earlier values.
select
  since_start(case when bar_number() < start then 0 else wma(x, 4) end) as _smooth,
  after(
    0.0962 * _smooth + 0.5769 * prev(_smooth, 2) - 0.5769 * prev(_smooth, 4) - 0.0962 * prev(_smooth, 6), start - 7) as _u,
  machine(
    {'d': 0, 'd1': 0, 'd2': 0, 'd3': 0, 'd4': 0, 'd5': 0, 'd6': 0, 'd7': 0, 'd8': 0,
     'q': 0, 'q1': 0, 'q2': 0, 'q3': 0, 'q4': 0, 'q5': 0, 'i': 0, 'j': 0, 're': 0, 'im': 0, 'period': 0},
    {
      '_gain': 0.075 * was.period + 0.54,
      'd': _gain * _u,
      'd1': was.d, 'd2': was.d1, 'd3': was.d2, 'd4': was.d3, 'd5': was.d4, 'd6': was.d5, 'd7': was.d6, 'd8': was.d7,
      'q': _gain * (0.0962 * d + 0.5769 * d2 - 0.5769 * d4 - 0.0962 * d6),
      'q1': was.q, 'q2': was.q1, 'q3': was.q2, 'q4': was.q3, 'q5': was.q4,
      '_ahead': _gain * (0.0962 * d3 + 0.5769 * d5 - 0.5769 * d7 - 0.0962 * was.d8),
      '_behind': _gain * (0.0962 * q + 0.5769 * q2 - 0.5769 * q4 - 0.0962 * was.q5),
      'i': 0.2 * (d3 - _behind) + 0.8 * was.i,
      'j': 0.2 * (q + _ahead) + 0.8 * was.j,
      're': 0.2 * (i * was.i + j * was.j) + 0.8 * was.re,
      'im': 0.2 * (i * was.j - j * was.i) + 0.8 * was.im,
      '_found': coalesce(360 / (atan(im / re) * 180 / pi()), was.period),
      '_near': greatest(least(_found, 1.5 * was.period), 0.67 * was.period),
      'period': 0.2 * greatest(least(_near, 50), 6) + 0.8 * was.period
    }) as _m,
  after(_m.period, 1) as period,
  after(_m.d3, 1) as inphase,
  after(_m.q, 1) as quadrature
