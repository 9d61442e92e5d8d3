"""The lake's own catalog: what it holds and what the audit found, as views."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from duckbt.lake.catalog import CATALOG
from duckbt.lake.findings import Audit
from duckbt.lake.ingest import Report
from duckbt.lake.register import register
from duckbt.lake.resample import resample
from duckbt.lake.store import Lake
from duckbt.lake.timeframe import Timeframe
from lake.conftest import HEADER, bar_lines, dataset

D = "2024-01-02 "


def ask(lake: Lake, query: str) -> list[Any]:
    with duckdb.connect(str(lake.root / CATALOG), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_the_catalog_shows_datasets_bars_and_audit(take: Callable[..., Report], lake: Lake) -> None:
    take("A_M30.csv", HEADER + bar_lines([(D + "03:00", 1), (D + "03:00", 1), (D + "03:30", -1), (D + "04:30", 2)]))
    take("B_M30.csv", HEADER + bar_lines([(D + "03:00", 3), (D + "03:30", 4)]))
    resample(lake, ["B"], Timeframe("1h"))
    assert ask(lake, "select symbol, timeframe, rows from datasets order by all") == [
        ("A", "30m", 2), ("B", "1h", 1), ("B", "30m", 2),
    ]  # fmt: skip
    assert ask(lake, "select symbol, timeframe, strftime(ts, '%H:%M'), close from bars order by all") == [
        ("A", "30m", "03:00", 1.0), ("A", "30m", "04:30", 2.0), ("B", "1h", "03:00", 4.0),
        ("B", "30m", "03:00", 3.0), ("B", "30m", "03:30", 4.0),
    ]  # fmt: skip
    assert ask(lake, "select check_name, kind, bars from audit where symbol = 'A' order by all") == [
        ("duplicates", "identical", 1), ("gaps", "inside", 2), ("rejected", "price not positive", 1),
    ]  # fmt: skip
    columns = list(Audit(lake).summary()[0])
    summary = [dict(zip(columns, row, strict=True)) for row in ask(lake, "from audit_summary order by symbol, timeframe")]
    assert {(s["symbol"], s["timeframe"]): s for s in summary} == {
        (s["symbol"], s["timeframe"]): s for s in Audit(lake).summary()
    }


def test_the_catalog_follows_each_change_and_its_readers_are_not_disturbed(take: Callable[..., Report], lake: Lake) -> None:
    take("A_M30_1.csv", HEADER + bar_lines([(D + "03:00", 1), (D + "04:00", 1)]))
    with duckdb.connect(str(lake.root / CATALOG), read_only=True) as reader:
        take("A_M30_2.csv", HEADER + bar_lines([(D + "03:30", 2)]))
        assert reader.execute("select count(*) from bars").fetchall() == [(2,)]
    assert ask(lake, "select count(*) from bars") == [(3,)]


def test_bars_read_in_place_are_listed_but_stay_where_they_are(
    tmp_path: Path, take: Callable[..., Report], lake: Lake
) -> None:
    take("A_M30.csv", HEADER + bar_lines([(D + "03:00", 1), (D + "03:30", 1)]))
    other = Lake(tmp_path / "other")
    file = dataset(lake, "A", "30m").manifest.files[0]
    register([dataset(lake, "A", "30m").path(file)], other, symbol="A")
    assert ask(other, "select symbol, rows, in_place from datasets") == [("A", 2, True)]
    views = ask(other, "select view_name from duckdb_views() where not internal order by all")
    assert views == [("audit",), ("audit_summary",), ("datasets",)]
