-- real_body: distance between open and close.
-- parameters: none
select abs(close - open) as real_body
