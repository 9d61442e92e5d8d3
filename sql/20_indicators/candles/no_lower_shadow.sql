-- no_lower_shadow: true where the lower shadow is very short.
-- parameters: none
select below(lower_shadow(), doji_limit()) as no_lower_shadow
