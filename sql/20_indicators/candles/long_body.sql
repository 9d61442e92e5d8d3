-- long_body: true for a body longer than the mean of the ten before.
-- parameters: none
select exceeds(real_body(), body_average()) as long_body
