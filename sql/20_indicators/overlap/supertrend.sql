-- supertrend: SuperTrend: bands of k average true ranges that only follow the price. Olivier Seban.
-- parameters: n = 10, k = 3
-- supertrend is the band in force; trend is 1 for up, -1 for down. The first trend is taken as up, as in TA-Lib.
select
  medprice() + k * atr(n) as _upper,
  medprice() - k * atr(n) as _lower,
  prev(close) as _prev,
  machine(
    {'upper': _upper, 'lower': _lower, 'trend': 1},
    {
      'upper': case when _upper < was.upper or _prev > was.upper then _upper else was.upper end,
      'lower': case when _lower > was.lower or _prev < was.lower then _lower else was.lower end,
      'trend': case
        when was.trend > 0 and close < lower then -1 when was.trend < 0 and close > upper then 1 else was.trend end
    }) as _bands,
  case when _bands.trend > 0 then _bands.lower else _bands.upper end as supertrend,
  _bands.trend as trend
