-- cdladvanceblock: Advance Block: -100.
-- parameters: none
-- Three white closing higher and opening in or near the body before, the first long with a short upper shadow; the
-- second and third, or the third alone, weaken: smaller bodies or longer upper shadows.
select
  prev(range_share(0.2)) as _near,
  prev(range_share(0.6)) as _far,
  open > prev(open) and not exceeds(open - prev(close), _near) as _opens_near,
  real_body() < prev(real_body()) as _smaller,
  exceeds(prev(real_body()) - real_body(), _far) as _far_smaller,
  exceeds(upper_shadow(), shadow_average()) as _shadow,
  pattern(
    prev(white(), 2) and prev(white()) and white() and close > prev(close) and prev(close) > prev(close, 2)
    and prev(_opens_near) and _opens_near
    and prev(long_body() and below(upper_shadow(), shadow_average()), 2)
    and (prev(_far_smaller) and below(real_body() - prev(real_body()), _near)
      or _far_smaller
      or _smaller and prev(_smaller) and (_shadow or prev(_shadow))
      or _smaller and upper_shadow() > real_body()), -100) as cdladvanceblock
