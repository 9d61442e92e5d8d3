"""Answers of the catalog to SQL that a user types."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from duckbt.errors import DataError
from duckbt.sqlfiles import connect

Answer = tuple[list[str], list[tuple[Any, ...]], bool]  # columns, rows, whether there are more rows


def answers(catalog: Path, sql: str, limit: int) -> Iterator[Answer]:
    """One answer per statement, at most ``limit`` rows each. The catalog is open read-only. Raises DataError."""
    with connect() as connection:
        try:
            connection.execute(f"attach '{str(catalog).replace(chr(39), chr(39) * 2)}' as catalog (read_only)")
            connection.execute("use catalog")
            for statement in connection.extract_statements(sql):
                result = connection.execute(statement)
                rows = result.fetchmany(limit + 1)
                yield [d[0] for d in result.description or ()], rows[:limit], len(rows) > limit
                result.fetchall()
        except duckdb.Error as error:
            raise DataError(str(error)) from None
