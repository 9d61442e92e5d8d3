-- marubozu: true for a long body without shadows.
-- parameters: none
select long_body() and no_upper_shadow() and no_lower_shadow() as marubozu
