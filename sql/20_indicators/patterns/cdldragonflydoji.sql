-- cdldragonflydoji: Dragonfly Doji: 100; no direction.
-- parameters: none
-- A doji with a lower shadow only.
select pattern(doji() and no_upper_shadow() and exceeds(lower_shadow(), doji_limit())) as cdldragonflydoji
