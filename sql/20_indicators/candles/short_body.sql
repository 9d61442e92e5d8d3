-- short_body: true for a body shorter than the mean of the ten before.
-- parameters: none
select below(real_body(), body_average()) as short_body
