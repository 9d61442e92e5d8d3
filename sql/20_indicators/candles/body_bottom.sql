-- body_bottom: the lower one of open and close.
-- parameters: none
select least(open, close) as body_bottom
