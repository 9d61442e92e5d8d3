-- no_upper_shadow: true where the upper shadow is very short.
-- parameters: none
select below(upper_shadow(), doji_limit()) as no_upper_shadow
