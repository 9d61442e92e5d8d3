-- mfi: Money Flow Index: RSI weighted with volume. Gene Quong and Avrum Soudack, 1989. Range 0..100.
-- parameters: n = 14
-- As in TA-Lib a change of the typical price below 1e-14 of it is rounding, not a change. NULL where no money has flowed
-- (TA-Lib gives 0).
select
  typprice() * volume as _flow,
  typprice() - prev(typprice()) as _change,
  1e-14 * (typprice() + prev(typprice())) as _noise,
  rolling_sum(case when _change >= _noise then _flow else 0 * _flow end, n) as _up,
  rolling_sum(case when _change <= -_noise then _flow else 0 * _flow end, n) as _down,
  100 * _up / (_up + _down) as mfi
