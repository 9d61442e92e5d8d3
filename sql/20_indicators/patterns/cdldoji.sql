-- cdldoji: Doji: 100 where open and close are all but equal; no direction.
-- parameters: none
select pattern(doji()) as cdldoji
