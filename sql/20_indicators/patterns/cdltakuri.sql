-- cdltakuri: Takuri: 100.
-- parameters: none
-- A doji with a very long lower shadow and no upper one.
select pattern(doji() and no_upper_shadow() and lower_shadow() > 2 * real_body()) as cdltakuri
