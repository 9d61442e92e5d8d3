-- clv: Close Location Value: where the close lies in the bar's range, from -1 to 1. Marc Chaikin.
-- parameters: none
-- 0 where the bar has no range: such a bar moves no money.
select case when high > low then ((close - low) - (high - close)) / (high - low) else 0 end as clv
