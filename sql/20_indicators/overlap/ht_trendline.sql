-- ht_trendline: Hilbert Transform, instantaneous trendline: the mean price over the dominant cycle. John Ehlers, 2001.
-- parameters: x = close
select
  floor(smooth_period(x, 37) + 0.5) as _cycle,
  total(k, 0, 49, case when k < _cycle then prev(x, k) else 0 end) / _cycle as _mean,
  from_bar((4 * _mean + 3 * prev(_mean) + 2 * prev(_mean, 2) + prev(_mean, 3)) / 10, 63) as ht_trendline
