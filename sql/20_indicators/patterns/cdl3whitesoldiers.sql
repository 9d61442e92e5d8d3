-- cdl3whitesoldiers: Three White Soldiers: 100.
-- parameters: none
-- Three white closing higher, hardly any upper shadow, opening in or near the body before, none much shorter.
select
  prev(range_share(0.2)) as _near,
  prev(range_share(0.6)) as _far,
  open > prev(open) and not exceeds(open - prev(close), _near) as _opens_near,
  exceeds(_far, prev(real_body()) - real_body()) as _not_far_shorter,
  pattern(
    prev(white() and no_upper_shadow(), 2) and prev(white() and no_upper_shadow()) and white() and no_upper_shadow()
    and close > prev(close) and prev(close) > prev(close, 2)
    and prev(_opens_near) and _opens_near and prev(_not_far_shorter) and _not_far_shorter
    and exceeds(real_body(), body_average())) as cdl3whitesoldiers
