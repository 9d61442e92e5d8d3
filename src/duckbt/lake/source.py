"""The bars of one run: which rows of which Parquet files, numbered, as one SQL view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from duckbt.errors import DataError
from duckbt.lake.manifest import COLUMNS, DataFile
from duckbt.lake.store import Dataset
from duckbt.sqlfiles import connect, quote_name, quote_text, render

PLACE_BITS = 32  # bar = place << 32 | number of the bar within its symbol


@dataclass(frozen=True)
class SymbolBars:
    """One symbol of a run: its place in the run's order and how many bars it has there."""

    place: int
    symbol: str
    bars: int


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


@dataclass(frozen=True)
class Rate:
    """How a symbol's quote currency turns into the account's: a pair's closes, inverted or not; no files: 1."""

    symbol: str
    files: list[str]
    ts: str = "ts"
    close: str = "close"
    inverse: bool = False
    seconds: int = 60


@dataclass(frozen=True)
class BarSource:
    """What the plan needs to know of the data. ``statements`` create ``bars`` and ``symbols``."""

    symbols: list[SymbolBars]
    statements: list[tuple[str, str]]
    datasets: list[Dataset]
    files: list[str]
    rates: tuple[Rate, ...] = ()
    finer: tuple[int, ...] = ()  # seconds of the finer timeframes that decide the order inside a bar, coarse to fine
    signals: BarSource | None = None  # the bars of the strategy's timeframe, where exits are resolved on finer ones

    @property
    def anchored(self) -> bool:
        """Whether exits are resolved on finer bars than the signals'."""
        return self.signals is not None

    @property
    def bars(self) -> int:
        """All bars of all symbols."""
        return sum(s.bars for s in self.symbols)

    @property
    def longest(self) -> int:
        """Bars of the symbol that has most."""
        return max(s.bars for s in self.symbols)


def open_bars(
    datasets: Sequence[Dataset],
    first: datetime | None = None,
    last: datetime | None = None,
    warmup: int = 0,
    name: str = "bars",
) -> BarSource:
    """The bars of ``datasets`` from ``first`` (inclusive) to ``last`` (exclusive), numbered from 0 within a symbol.

    ``warmup`` bars before ``first`` are read as well; ``name`` is what the relation is called.
    Raises DataError when nothing is left.
    """
    symbols: list[SymbolBars] = []
    pieces: list[tuple[Any, ...]] = []
    if not all(d.manifest.ordered for d in datasets):
        return _ordered(datasets, first, last, warmup, name)
    counts = _counts(datasets, first, last)
    for place, dataset in enumerate(datasets):
        files = [f for f in dataset.manifest.files if f.rows]
        before, inside = counts[place]
        begin = max(0, before - warmup)
        end = before + inside
        if inside:
            symbols.append(SymbolBars(len(symbols), dataset.symbol, end - begin))
            pieces += _rows(dataset, files, len(symbols) - 1, begin, end)
    if not symbols:
        spans = "; ".join(
            f"{d.symbol} has {d.manifest.first_ts:%Y-%m-%d %H:%M} to {d.manifest.last_ts:%Y-%m-%d %H:%M}"
            for d in datasets[:5]
            if d.manifest.first_ts and d.manifest.last_ts
        )
        raise DataError(f"no bars from {first or 'the start'} to {last or 'the end'}: {spans or 'the data is empty'}")
    used = [d for d, c in zip(datasets, counts, strict=True) if c[1]]
    branches = _branches(pieces)
    statements = [
        (f"10_bars/{name}", render("10_bars/bars.sql.j2", branches=branches, name=name)),
        ("10_bars/symbols", render("10_bars/symbols.sql.j2", symbols=symbols)),
    ]
    return BarSource(symbols, statements, used, [f for b in branches for f in b.files])


def _ordered(
    datasets: Sequence[Dataset], first: datetime | None, last: datetime | None, warmup: int, name: str
) -> BarSource:
    """Bars of which some must be sorted and cleaned first: one table instead of a view."""
    branches = [
        {
            "place": place,
            "symbol": dataset.symbol,
            "columns": {name: dataset.manifest.columns.get(name, quote_name(name)) for name in COLUMNS},
            "file": str(dataset.path(file)),
            "only": dataset.manifest.columns.get("symbol"),
        }
        for place, dataset in enumerate(datasets)
        for file in dataset.manifest.files
    ]
    if first or last or warmup:
        raise DataError(
            "a date range needs sorted bars, but these are sorted only while a run reads them: "
            + "; ".join(f"{d.symbol}: {' '.join(d.manifest.notes)}" for d in datasets if not d.manifest.ordered)
        )
    symbols = [SymbolBars(place, d.symbol, d.manifest.rows) for place, d in enumerate(datasets)]
    statements = [
        (f"10_bars/{name}", render("10_bars/ordered.sql.j2", branches=branches, name=name)),
        ("10_bars/symbols", render("10_bars/symbols.sql.j2", symbols=symbols)),
    ]
    return BarSource(symbols, statements, list(datasets), [str(b["file"]) for b in branches])


def _counts(datasets: Sequence[Dataset], first: datetime | None, last: datetime | None) -> list[tuple[int, int]]:
    """Per dataset (rows before ``first``, rows inside the range)."""
    if first is None and last is None:
        return [(0, d.manifest.rows) for d in datasets]
    result = []
    with connect() as connection:
        for dataset in datasets:
            before = inside = 0
            for file in dataset.manifest.files:
                time = dataset.manifest.columns.get("ts", "ts")
                early = f"{time} < ?" if first else "false"
                late = f"{time} >= ?" if last else "false"
                rows = connection.execute(
                    f"select count(*) filter ({early}), count(*) filter ({late}) "
                    "from read_parquet(?, file_row_number = true) where file_row_number between ? and ?",
                    [*(t for t in (first, last) if t), str(dataset.path(file)), file.first_row,
                     file.first_row + file.rows - 1],
                ).fetchall()[0]  # fmt: skip
                before += rows[0]
                inside += file.rows - rows[0] - rows[1]
            result.append((before, inside))
    return result


def _rows(dataset: Dataset, files: list[DataFile], place: int, begin: int, end: int) -> list[tuple[Any, ...]]:
    """(columns, path, symbol, bar of row 0, first row, last row, whole file?) for each file that has bars begin..end-1."""
    pieces = []
    seen = 0
    columns = dataset.manifest.columns
    for file in files:
        low = max(begin - seen, 0)
        high = min(end - seen, file.rows) - 1
        if low <= high:
            first_row = file.first_row
            offset = (place << PLACE_BITS) + seen - begin - first_row
            whole = file.first_row == 0 and low == 0 and high == file.rows - 1
            pieces.append(
                (columns, str(dataset.path(file)), dataset.symbol, offset, first_row + low, first_row + high, whole)
            )
        seen += file.rows
    return pieces


def _branches(pieces: list[tuple[Any, ...]]) -> list[Branch]:
    """Neighbouring files of equal columns share a branch, unless one of them is only partly used."""
    branches: list[Branch] = []
    for columns, path, symbol, offset, low, high, whole in pieces:
        shown = {name: columns.get(name, quote_name(name)) for name in COLUMNS}
        last = branches[-1] if branches else None
        if last and last.columns == shown and path not in last.files and not last.sliced and whole:
            for target, value in (
                (last.files, path), (last.symbols, symbol), (last.offsets, offset), (last.low, low), (last.high, high),
            ):  # fmt: skip
                target.append(value)
        else:
            branches.append(Branch(shown, [path], [symbol], [offset], [low], [high], not whole))
    return branches


def timestamp_text(moment: datetime) -> str:
    """A SQL timestamp literal."""
    return f"timestamp {quote_text(moment.isoformat(sep=' '))}"
