-- doji: true where open and close are all but equal.
-- parameters: none
select not exceeds(real_body(), doji_limit()) as doji
