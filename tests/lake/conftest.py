"""Helpers for lakes made of small files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from duckbt.lake.ingest import Options, Report, ingest
from duckbt.lake.store import Dataset, Lake
from duckbt.lake.timeframe import Timeframe

HEADER = "time,open,high,low,close,volume\n"


def bar_lines(rows: Sequence[tuple[str, float]], volume: float = 1) -> str:
    """CSV lines of bars that do not move: (time, price)."""
    return "".join(f"{time},{price},{price},{price},{price},{volume}\n" for time, price in rows)


def dataset(lake: Lake, symbol: str, timeframe: str = "1m") -> Dataset:
    """A dataset that must be there."""
    found = lake.find(symbol, Timeframe(timeframe))
    assert found is not None
    return found


def bars(
    lake: Lake, symbol: str, timeframe: str = "1m", columns: str = "ts::varchar, open, high, low, close, volume"
) -> list[Any]:
    """A dataset's bars as its manifest lists them."""
    found = dataset(lake, symbol, timeframe)
    files = [str(found.path(f)) for f in found.manifest.files]
    return duckdb.execute(f"select {columns} from read_parquet(?, hive_partitioning = false)", [files]).fetchall()


def prices(lake: Lake, symbol: str, timeframe: str = "1m") -> list[tuple[str, float]]:
    """(time as HH:MM of the day, close) of a dataset's bars."""
    return bars(lake, symbol, timeframe, "strftime(ts, '%H:%M'), close")


def findings(lake: Lake, symbol: str, timeframe: str = "1m", check: str | None = None) -> list[Any]:
    """(check, kind, from, until, bars) of a dataset's audit."""
    found = dataset(lake, symbol, timeframe)
    rows = duckdb.execute(
        "select check_name, kind, ts::varchar, until::varchar, bars from read_parquet(?) order by all",
        [str(found.folder / str(found.manifest.audit))],
    ).fetchall()
    return [row[1:] if check else row for row in rows if check in (None, row[0])]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return Lake(tmp_path / "lake")


@pytest.fixture
def take(tmp_path: Path, lake: Lake) -> Callable[..., Report]:
    """``take("X_M1.csv", text, …options)``: write a file and ingest it."""

    def ingest_text(name: str, text: str | bytes, **options: Any) -> Report:
        path = tmp_path / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        if isinstance(options.get("timeframe"), str):
            options["timeframe"] = Timeframe(options["timeframe"])
        return ingest([path], lake, Options(**options))

    return ingest_text
