"""Tables are dropped when, and only when, nobody reads them any more."""

from __future__ import annotations

from duckbt.engine.ledger import Ledger
from duckbt.engine.lifetimes import last_uses
from duckbt.engine.step import Step


def steps(*statements: str) -> list[Step]:
    return [Step(str(i), (sql,)) for i, sql in enumerate(statements)]


def test_a_table_goes_after_its_last_reader() -> None:
    made = steps(
        "create or replace table a as select 1",
        "create or replace table b as select * from a -- not c",
        "create or replace table c as select * from a join b using (x)",
    )
    assert last_uses(made) == [[], [], ["a", "b", "c"]]
    assert last_uses([*made, *steps("copy (select * from b) to 'file'")]) == [[], [], ["a", "c"], ["b"]]


def test_what_a_view_reads_lives_as_long_as_the_view() -> None:
    made = steps(
        "create or replace table a as select 1",
        "create or replace view v as from a",
        "create or replace view w as from v",
        "create or replace table b as select 2",
        "create or replace table c as from w",
    )
    assert last_uses(made) == [[], [], [], ["b"], ["a", "c"]]


def test_a_ledger_reads_what_its_statements_do_not_name() -> None:
    made = steps("create or replace table a as select 1", "create or replace table b as select 2", "select 3")
    rules = Ledger.__new__(Ledger)
    made[2] = Step("2", ("select 3",), ledger=rules)
    assert last_uses(made) == [[], [], ["a", "b"]]
