-- cdlstalledpattern: Stalled Pattern: -100.
-- parameters: none
-- Three white closing higher: two long, the second without upper shadow opening in or near the first; a short one that
-- rides on the second one's shoulder.
select
  range_share(0.2) as _near,
  pattern(
    prev(white() and long_body(), 2) and prev(white() and long_body() and no_upper_shadow()) and white() and short_body()
    and close > prev(close) and prev(close) > prev(close, 2)
    and prev(open) > prev(open, 2) and not exceeds(prev(open) - prev(close, 2), prev(_near, 2))
    and not exceeds(prev(close) - real_body() - open, prev(_near)), -100) as cdlstalledpattern
