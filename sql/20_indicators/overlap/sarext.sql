-- sarext: Parabolic Stop and Reverse with all settings apart for longs and shorts. Values are negative while short.
-- parameters: start = 0, jump = 0, init_long = 0.02, step_long = 0.02, max_long = 0.2, init_short = 0.02, step_short = 0.02, max_short = 0.2
-- start > 0: long at that stop, < 0: short; 0: by the first two bars' directional movement. jump: share added on reversal.
select
  since_start(prev(high)) as _high1,
  since_start(prev(low)) as _low1,
  since_start(case when start = 0 then minus_dm(1) <= 0 else start > 0 end) as _begins_long,
  machine(
    {'fresh': true, 'long': true, 'stop': 0, 'extreme': 0, 'pace': 0, 'shown': 0},
    {
      '_long': case when was.fresh then _begins_long else was.long end,
      '_extreme': case when not was.fresh then was.extreme when _long then high else low end,
      '_pace': case
        when not was.fresh then was.pace when _long then least(init_long, max_long) else least(init_short, max_short) end,
      '_stop': case when not was.fresh then was.stop when start <> 0 then abs(start) when _long then _low1 else _high1 end,
      '_low': case when was.fresh then low else least(low, _low1) end,
      '_high': case when was.fresh then high else greatest(high, _high1) end,
      '_turns': case when _long then low <= _stop else high >= _stop end,
      '_turned': case when _long then greatest(_extreme, _high) * (1 + jump) else least(_extreme, _low) * (1 - jump) end,
      '_base': case when _turns then _turned else _stop end,
      'fresh': false,
      'long': _long <> _turns,
      'shown': case when long then _base else -_base end,
      'extreme': case
        when _turns and long then high when _turns then low
        when long then greatest(_extreme, high) else least(_extreme, low) end,
      'pace': case
        when _turns and long then least(init_long, max_long) when _turns then least(init_short, max_short)
        when extreme = _extreme then _pace
        when long then least(_pace + least(step_long, max_long), max_long)
        else least(_pace + least(step_short, max_short), max_short) end,
      '_next': _base + pace * (extreme - _base),
      'stop': case when long then least(_next, _low) else greatest(_next, _high) end
    }) as _sar,
  after(_sar.shown, 1) as sarext
