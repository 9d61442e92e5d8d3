-- cdlgravestonedoji: Gravestone Doji: 100; no direction.
-- parameters: none
-- A doji with an upper shadow only.
select pattern(doji() and no_lower_shadow() and exceeds(upper_shadow(), doji_limit())) as cdlgravestonedoji
