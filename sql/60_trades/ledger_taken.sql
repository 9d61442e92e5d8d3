-- taken: the candidates the ledger took.
-- reads: ledger. writes: taken. key: combo_id, cand.
create or replace table taken as
select combo_id, cand from ledger where status = 'taken' order by combo_id, cand
