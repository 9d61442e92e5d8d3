-- gap: the open against the previous close, in percent of it.
-- parameters: none
select 100 * (open / prev(close) - 1) as gap
