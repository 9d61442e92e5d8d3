"""Rows as they were read: judged one by one, and how they lie per symbol. The same for staged rows and rows in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

import duckdb

from duckbt.errors import DataError, UsageError
from duckbt.lake.timeframe import Timeframe
from duckbt.sqlfiles import render


@dataclass(frozen=True)
class RowFiles:
    """Parquet files of one shape. ``source``: SQL for the number of the raw file; ``columns``: name → SQL."""

    files: list[str]
    source: str
    columns: dict[str, str]
    first_part: int


@dataclass(frozen=True)
class Slice:
    """The bars of one symbol in one file. ``step``: most frequent time between bars, in microseconds."""

    part: int
    source: int
    symbol: str
    first_row: int
    last_row: int
    rows: int
    backward: int
    repeats: int
    first_ts: datetime
    last_ts: datetime
    step: int | None

    @property
    def together(self) -> bool:
        """No other row lies between its rows."""
        return self.last_row - self.first_row + 1 == self.rows

    @property
    def clean(self) -> bool:
        """Together, in order, each time once."""
        return self.together and not self.backward and not self.repeats


@dataclass(frozen=True)
class Group:
    """The slices that make one dataset, by time. ``place`` counts the datasets of one ingest."""

    place: int
    symbol: str
    timeframe: Timeframe
    slices: tuple[Slice, ...]

    @property
    def ordered(self) -> bool:
        """Whether the slices, one after the other, are the dataset."""
        apart = all(a.last_ts < b.first_ts for a, b in pairwise(self.slices))
        return apart and all(s.clean for s in self.slices)

    @property
    def backward(self) -> int:
        """Rows whose time is before that of the row above."""
        return sum(s.backward for s in self.slices)


Refused = dict[tuple[int, str | None], dict[str, int]]  # (source, symbol) → reason → rows


def inspect(
    connection: duckdb.DuckDBPyConnection, branches: Sequence[RowFiles], extras: Sequence[str], total: int
) -> tuple[list[Slice], Refused]:
    """Judge all rows of the files (``total`` of them): how the bars lie, and what is refused and why."""
    connection.execute(render("00_ingest/raw_rows.sql.j2", branches=branches))
    connection.execute(render("00_ingest/judged.sql.j2", extras=extras))
    connection.execute(render("00_ingest/inspected.sql"))
    slices = [Slice(*row) for row in connection.execute("from inspected order by part, source, symbol").fetchall()]
    if any(not s.together for s in slices):
        found = connection.execute(render("00_ingest/usual_steps.sql")).fetchall()
        steps = {(part, source, symbol): step for part, source, symbol, step in found}
        slices = [s if s.together else replace(s, step=steps.get((s.part, s.source, s.symbol))) for s in slices]
    refused: Refused = {}
    if sum(s.rows for s in slices) < total:
        connection.execute(render("00_ingest/refused.sql"))
        for source, symbol, reason, rows in connection.execute("from refused order by all").fetchall():
            refused.setdefault((source, symbol), {})[reason] = rows
    return slices, refused


def first_refused(connection: duckdb.DuckDBPyConnection, source: int) -> str:
    """The first row of a raw file that is no bar, as it stood there, with its number; empty when there is none."""
    values = ", ".join(f"coalesce({name}::varchar, '')" for name in ("ts", "open", "high", "low", "close", "volume"))
    found = connection.execute(
        f"select row - min(row) over () + 1, coalesce(raw, concat_ws(',', {values})) from judged where source = ? "
        "qualify not is_bar order by part, row limit 1",
        [source],
    ).fetchall()
    return f"; row {found[0][0]}: {found[0][1][:200]}" if found else ""


def group(slices: Sequence[Slice], named: Mapping[int, Timeframe | None]) -> tuple[list[Group], list[tuple[str, str]]]:
    """Slices by symbol and timeframe, and (symbol, reason) where no timeframe can be told.

    ``named``: timeframe of each source as far as the user or its name tells; else the usual step decides.
    """
    usual: dict[str, tuple[int, int]] = {}  # symbol → (rows, step) of its largest slice
    for s in slices:
        if s.step and s.rows > usual.get(s.symbol, (0, 0))[0]:
            usual[s.symbol] = (s.rows, s.step)
    found: dict[tuple[str, Timeframe], list[Slice]] = {}
    failed: dict[str, str] = {}
    for s in slices:
        try:
            timeframe = named[s.source] or _measured(s.step or usual.get(s.symbol, (0, 0))[1])
        except DataError as error:
            failed[s.symbol] = str(error)
            continue
        found.setdefault((s.symbol, timeframe), []).append(s)
    groups = [
        Group(place, symbol, timeframe, tuple(sorted(found[symbol, timeframe], key=lambda s: (s.first_ts, s.source))))
        for place, (symbol, timeframe) in enumerate(sorted(found))
    ]
    return groups, sorted(failed.items())


def _measured(step: int) -> Timeframe:
    if not step:
        raise DataError("the timeframe cannot be told from so few bars; give it with --timeframe")
    try:
        return Timeframe.of_seconds(step // 1_000_000 if step % 1_000_000 == 0 else 0)
    except UsageError:
        raise DataError(
            f"bars are {step / 1e6:g} seconds apart, which is no timeframe (whole minutes); give it with --timeframe"
        ) from None


def list_members(
    connection: duckdb.DuckDBPyConnection, groups: Sequence[Group], names: Mapping[int, str], several_in_a_part: bool
) -> None:
    """The tables ``members`` (source, symbol → place) and ``row_offsets`` (where a source's rows begin in its part)."""
    pairs = sorted({(s.source, s.symbol, g.place) for g in groups for s in g.slices})
    _table(connection, "members", {"source": "integer", "symbol": "varchar", "place": "bigint"}, pairs)
    _table(connection, "source_names", {"source": "integer", "name": "varchar"}, sorted(names.items()))
    begins = "min(row)" if several_in_a_part else "0"
    rows = "judged" if several_in_a_part else "inspected"
    connection.execute(
        f"create or replace table row_offsets as select part, source, name, {begins} as first_row "
        f"from {rows} join source_names using (source) group by part, source, name"
    )


def _table(
    connection: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]
) -> None:
    shape = ", ".join(f"unnest(?::{type}[]) as {column}" for column, type in columns.items())
    values = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in columns]
    connection.execute(f"create or replace table {name} as select {shape}", values)
