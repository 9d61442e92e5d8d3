-- body_top: the higher one of open and close.
-- parameters: none
select greatest(open, close) as body_top
