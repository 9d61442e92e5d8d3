-- pvi: Positive Volume Index: compounds the returns of bars with more volume than the bar before. Paul Dysart, 1936.
-- parameters: none
-- It starts at 1000.
select
  prev_or(volume, volume) as _before,
  1000 * exp(running_sum(case when volume > _before then ln(close / prev_or(close, close)) else 0 * volume * _before end)) as pvi
