-- exact_sum(x): a sum that is the same in any order, so that results have equal bytes at any number of threads.
-- reads: nothing. writes: exact_sum (macro).
-- Doubles are added as 128-bit integers with 64 bits behind the point. Sums of values beyond 2^40 are left to
-- floating point, whose last digits may depend on the order.
create or replace macro exact_sum(x) as
  case
    when coalesce(max(abs(x)), 0) < 1099511627776
      then sum((case when abs(x) < 1099511627776 then x end * 18446744073709551616)::hugeint)::double / 18446744073709551616
    else sum(x)
  end
