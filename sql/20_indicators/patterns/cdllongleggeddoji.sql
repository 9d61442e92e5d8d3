-- cdllongleggeddoji: Long-Legged Doji: 100; no direction.
-- parameters: none
-- A doji with a long shadow.
select pattern(doji() and (lower_shadow() > real_body() or upper_shadow() > real_body())) as cdllongleggeddoji
