"""Bars as they lie in the lake, numbered: a view over sorted files, a sorted table over others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import duckdb

from duckbt.lake.barsource import (
    PLACE_BITS,
    BarSource,
    SymbolBars,
    Wanted,
    common_extras,
    shown_columns,
    source,
    timestamp_text,
)
from duckbt.lake.manifest import COLUMNS, DataFile
from duckbt.lake.store import Dataset
from duckbt.sqlfiles import connect, quote_text, render

LONG_FILE = 1_000_000  # rows


@dataclass(frozen=True)
class Branch:
    """Files that are read by one ``read_parquet``: per file its symbol, bar number of row 0, and rows used."""

    columns: dict[str, str]
    files: list[str]
    symbols: list[str]
    offsets: list[int]
    low: list[int]
    high: list[int]
    sliced: bool


def in_place(datasets: Sequence[Dataset], wanted: Wanted, name: str) -> BarSource:
    """Bars that lie sorted in their files: a view that numbers the rows as they are read."""
    symbols: list[SymbolBars] = []
    pieces: list[tuple[Any, ...]] = []
    used: list[Dataset] = []
    extras = common_extras(datasets)
    for dataset, (before, inside) in zip(datasets, _counts(datasets, wanted), strict=True):
        if inside:
            begin = max(0, before - wanted.warmup)
            symbols.append(SymbolBars(len(symbols), dataset.symbol, before + inside - begin))
            pieces += _rows(dataset, extras, len(symbols) - 1, begin, before + inside)
            used.append(dataset)
    branches, alone = _branches(pieces), _branches(pieces, LONG_FILE)
    views = {name: branches} | ({f"{name}_apart": alone} if len(alone) > len(branches) else {})
    statements = [(f"10_bars/{n}", render("10_bars/bars.sql.j2", name=n, branches=b)) for n, b in views.items()]
    found = source(datasets, used, symbols, statements, [f for b in branches for f in b.files], wanted, extras)
    return replace(found, apart=f"{name}_apart" if len(views) > 1 else "")


def sorted_bars(datasets: Sequence[Dataset], wanted: Wanted, name: str) -> BarSource:
    """Bars of which some must be sorted and cleaned first: a table instead of a view."""
    extras = common_extras(datasets)
    counts = [(d, d.manifest.rows, "true") for d in datasets]
    if not wanted.everything:
        with connect() as connection:
            connection.execute(_sorted_statement(datasets, extras, ["true"] * len(datasets), None, name))
            counts = [(dataset, *_range(connection, name, place, wanted)) for place, dataset in enumerate(datasets)]
    used = [(d, n, condition) for d, n, condition in counts if n]
    symbols = [SymbolBars(place, d.symbol, n) for place, (d, n, _) in enumerate(used)]
    kept = [d for d, _, _ in used]
    statement = _sorted_statement(kept, extras, [c for _, _, c in used], wanted.last, name)
    files = [str(d.path(f)) for d in kept for f in d.manifest.files]
    return source(datasets, kept, symbols, [(f"10_bars/{name}", statement)], files, wanted, extras)


def _sorted_statement(
    datasets: Sequence[Dataset], extras: list[str], conditions: list[str], last: datetime | None, name: str
) -> str:
    branches = [
        {"place": place, "symbol": dataset.symbol, "columns": shown_columns(dataset, extras),
         "file": str(dataset.path(file)), "only": _own_rows(dataset)}
        for place, dataset in enumerate(datasets)
        for file in dataset.manifest.files
    ]  # fmt: skip
    return render(
        "10_bars/ordered.sql.j2",
        name=name,
        branches=branches,
        columns=[*COLUMNS, *extras],
        last=timestamp_text(last) if last else None,
        ranges=[f"place = {place} and {condition}" for place, condition in enumerate(conditions)],
    )


def _own_rows(dataset: Dataset) -> str:
    symbol = dataset.manifest.columns.get("symbol")
    return f"{symbol} = {quote_text(dataset.symbol)}" if symbol else "true"


def _range(connection: duckdb.DuckDBPyConnection, name: str, place: int, wanted: Wanted) -> tuple[int, str]:
    """(bars of the range with warm-up, SQL condition on ts)."""
    first = wanted.first or datetime.min
    low = connection.execute(
        f"select min(ts) from (select ts from {name} where bar >> 32 = ? and ts < ? order by ts desc limit ?)",
        [place, first, wanted.warmup],
    ).fetchall()[0][0]
    low = low or wanted.first
    condition = f"ts >= {timestamp_text(low)}" if low else "true"
    end = f" and ts < {timestamp_text(wanted.last)}" if wanted.last else ""
    inside, total = connection.execute(
        f"select count(*) filter (ts >= ?), count(*) from {name} where bar >> 32 = ? and {condition}{end}",
        [first, place],
    ).fetchall()[0]
    return (total if inside else 0), condition


def _counts(datasets: Sequence[Dataset], wanted: Wanted) -> list[tuple[int, int]]:
    """Per dataset (rows before ``first``, rows inside the range)."""
    if wanted.everything:
        return [(0, d.manifest.rows) for d in datasets]
    result = []
    first, last = wanted.first, wanted.last
    with connect() as connection:
        for dataset in datasets:
            time = dataset.manifest.columns.get("ts", "ts")
            before = inside = 0
            for file in dataset.manifest.files:
                if _settled(file, first, last):
                    inside += file.rows
                    continue
                early = f"{time} < ?" if first else "false"
                late = f"{time} >= ?" if last else "false"
                rows = connection.execute(
                    f"select count(*) filter ({early}), count(*) filter ({late}) from read_parquet(?, "
                    "file_row_number = true, hive_partitioning = false) where file_row_number between ? and ?",
                    [*(t for t in (first, last) if t), str(dataset.path(file)), file.first_row,
                     file.first_row + file.rows - 1],
                ).fetchall()[0]  # fmt: skip
                before += rows[0]
                inside += file.rows - rows[0] - rows[1]
            result.append((before, inside))
    return result


def _settled(file: DataFile, first: datetime | None, last: datetime | None) -> bool:
    """Whether the whole file lies in the range, by what the manifest says."""
    if file.first_ts is None or file.last_ts is None:
        return False
    return (first is None or file.first_ts >= first) and (last is None or file.last_ts < last)


def _rows(dataset: Dataset, extras: list[str], place: int, begin: int, end: int) -> list[tuple[Any, ...]]:
    """(columns, path, symbol, bar of row 0, first row, last row, whole file?) for each file that has bars begin..end-1."""
    pieces = []
    seen = 0
    columns = shown_columns(dataset, extras)
    for file in dataset.manifest.files:
        low = max(begin - seen, 0)
        high = min(end - seen, file.rows) - 1
        if low <= high:
            offset = (place << PLACE_BITS) + seen - begin - file.first_row
            whole = file.whole and low == 0 and high == file.rows - 1
            pieces.append(
                (
                    columns,
                    str(dataset.path(file)),
                    dataset.symbol,
                    offset,
                    file.first_row + low,
                    file.first_row + high,
                    whole,
                )
            )
        seen += file.rows
    return pieces


def _branches(pieces: list[tuple[Any, ...]], longest: int | None = None) -> list[Branch]:
    """Neighbouring files of equal columns share a branch, unless one of them is only partly used, or is longer.

    Of a file alone DuckDB knows which bars it can hold, and does not open it for others; but windows stream much faster
    over one branch than over many, and every branch costs a millisecond of planning in each statement.
    """
    branches: list[Branch] = []
    for columns, path, symbol, offset, low, high, whole in pieces:
        last = branches[-1] if branches else None
        long = longest is not None and last is not None and max(high - low, last.high[-1] - last.low[-1]) >= longest
        if last and last.columns == columns and path not in last.files and not last.sliced and whole and not long:
            for target, value in (
                (last.files, path), (last.symbols, symbol), (last.offsets, offset), (last.low, low), (last.high, high),
            ):  # fmt: skip
                target.append(value)
        else:
            branches.append(Branch(columns, [path], [symbol], [offset], [low], [high], not whole))
    return branches
