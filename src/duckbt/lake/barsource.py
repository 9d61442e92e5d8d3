"""What a run knows of its bars before any is read: symbols, counts, files, and the statements that give them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from duckbt.errors import DataError
from duckbt.lake.clock import Anchor
from duckbt.lake.manifest import COLUMNS
from duckbt.lake.store import Dataset
from duckbt.lake.timeframe import Timeframe
from duckbt.sqlfiles import quote_name, quote_text, render

PLACE_BITS = 32  # bar = place << 32 | number of the bar within its symbol
SYMBOLS = "10_bars/symbols"


@dataclass(frozen=True)
class SymbolBars:
    """One symbol of a run: its place in the run's order and how many bars it has there."""

    place: int
    symbol: str
    bars: int


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
    """What the plan needs to know of the data. ``statements`` create the relation of bars, then the table ``symbols``.

    ``timeframe``: length of the run's bars, ``datasets``: what they are made of; ``extras``: columns after ``volume``.
    """

    symbols: list[SymbolBars]
    statements: list[tuple[str, str]]
    datasets: list[Dataset]
    files: list[str]
    timeframe: Timeframe = field(default_factory=lambda: Timeframe("1m"))
    extras: list[str] = field(default_factory=list)
    ends: str = ""  # SQL: when a bar that begins at ts is over and its close known
    rates: tuple[Rate, ...] = ()
    finer: tuple[int, ...] = ()  # seconds of the finer timeframes that decide the order inside a bar, coarse to fine
    apart: str = ""  # the same bars as a view in which every long file stands alone: parts of it open no others
    signals: BarSource | None = None  # the bars of the strategy's timeframe, where exits are resolved on finer ones

    @property
    def bar_statements(self) -> list[tuple[str, str]]:
        """The statements for the bars alone, without the table ``symbols``."""
        return [s for s in self.statements if s[0] != SYMBOLS]

    def part(self, bars: str, low: int | None) -> str:
        """The relation to read a part of ``bars`` from; ``low``: where the part begins, None for all."""
        return self.apart if self.apart and low is not None else bars

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


@dataclass(frozen=True)
class Wanted:
    """Which bars: from ``first`` (inclusive) to ``last`` (exclusive), and ``warmup`` bars before ``first``."""

    first: datetime | None = None
    last: datetime | None = None
    warmup: int = 0

    @property
    def everything(self) -> bool:
        """No limits."""
        return self.first is None and self.last is None


def source(
    datasets: Sequence[Dataset],
    used: Sequence[Dataset],
    symbols: list[SymbolBars],
    statements: list[tuple[str, str]],
    files: list[str],
    wanted: Wanted,
    extras: list[str],
) -> BarSource:
    """A BarSource with the table ``symbols``. Raises DataError when no symbol is left."""
    if not symbols:
        spans = "; ".join(
            f"{d.symbol} has {d.manifest.first_ts:%Y-%m-%d %H:%M} to {d.manifest.last_ts:%Y-%m-%d %H:%M}"
            for d in datasets[:5]
            if d.manifest.first_ts and d.manifest.last_ts
        )
        raise DataError(
            f"no bars from {wanted.first or 'the start'} to {wanted.last or 'the end'}: {spans or 'the data is empty'}"
        )
    listed = (SYMBOLS, render("10_bars/symbols.sql.j2", symbols=symbols))
    timeframe = used[0].timeframe
    ends = f"ts + to_seconds({timeframe.seconds})"
    return BarSource(symbols, [*statements, listed], list(used), files, timeframe, extras, ends)


def end_of_made_bar(timeframe: Timeframe, anchor: Anchor | None) -> str:
    """SQL for the end of a bar that was made of finer ones and begins at ``ts``; see 10_bars/buckets.

    Days have 23 or 25 hours where the anchor's zone switches, and the last bar of a day ends with it.
    """
    if anchor is None and (timeframe.seconds % 86400 == 0 or 86400 % timeframe.seconds == 0):
        return f"ts + to_seconds({timeframe.seconds})"
    anchor = anchor or Anchor(0, "UTC")
    zone, days = quote_text(anchor.zone), max(1, timeframe.seconds // 86400)
    day = f"date_trunc('day', timezone({zone}, timezone('UTC', ts)) - to_seconds({anchor.seconds}))"
    end = f"timezone('UTC', timezone({zone}, {day} + interval {days} day + to_seconds({anchor.seconds})))"
    return end if timeframe.seconds >= 86400 else f"least(ts + to_seconds({timeframe.seconds}), {end})"


def common_extras(datasets: Sequence[Dataset]) -> list[str]:
    """Extra columns that every dataset has."""
    sets = [set(d.manifest.extras) for d in datasets]
    return sorted(set.intersection(*sets)) if sets else []


def shown_columns(dataset: Dataset, extras: list[str]) -> dict[str, str]:
    """Column of the bars → SQL over the dataset's files."""
    columns = dataset.manifest.columns
    return {name: columns.get(name, quote_name(name)) for name in (*COLUMNS, *extras)}


def timestamp_text(moment: datetime) -> str:
    """A SQL timestamp literal."""
    return f"timestamp {quote_text(moment.isoformat(sep=' '))}"
