"""One step of a plan: a named stage and its rendered SQL."""

from __future__ import annotations

from dataclasses import dataclass

from duckbt.engine.ledger import Ledger
from duckbt.sqlfiles import render, sql_root


@dataclass(frozen=True)
class Step:
    """``statements`` of a parallel step may run in any order and at the same time."""

    name: str
    statements: tuple[str, ...]
    parallel: bool = False
    ledger: Ledger | None = None  # run by Python; ``statements`` then only read its recorded result


def stage(name: str, file: str | None = None, **values: object) -> Step:
    """The step of one SQL file below ``sql/``; ``file`` where several steps share one template."""
    path = file or name
    path = f"{path}.sql" if (sql_root() / f"{path}.sql").is_file() else f"{path}.sql.j2"
    return Step(name, (render(path, **values),))
