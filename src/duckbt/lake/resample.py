"""Longer bars kept in the lake, made of the finest bars there that fill them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb

import duckbt
from duckbt.errors import DataError
from duckbt.lake.audit import FINDINGS, check_bars, facts_of, findings_by_place
from duckbt.lake.clock import Anchor
from duckbt.lake.manifest import Derived, Manifest, schema_fingerprint
from duckbt.lake.merge import copy_bars
from duckbt.lake.publishing import Draft, publish, writing
from duckbt.lake.reading import PRICES
from duckbt.lake.source import open_bars
from duckbt.lake.store import Dataset, Lake
from duckbt.lake.timeframe import Timeframe
from duckbt.sqlfiles import quote_name


def resample(lake: Lake, symbols: Sequence[str], timeframe: Timeframe, anchor: Anchor | None = None) -> list[Manifest]:
    """Make bars of ``timeframe`` and publish them as datasets that know what they were made of.

    Days begin at ``anchor`` (default 00:00 UTC). Raises DataError, changing nothing, when the lake lacks bars that fill
    them, or has bars of that length which came from files.
    """
    finer = [_finer(lake, symbol, timeframe, anchor) for symbol in symbols]
    with writing(lake) as (scratch, connection):
        drafts = [_made(connection, scratch / f"out-{n}.parquet", d, timeframe, anchor) for n, d in enumerate(finer)]
        datasets = [Dataset(lake.folder(m.symbol, timeframe), m) for m in drafts]
        connection.execute(FINDINGS)
        check_bars(connection, datasets)
        facts = facts_of(connection)
        for place, manifest in enumerate(drafts):
            if place in facts:
                manifest.gaps, manifest.ohlc_violations = facts[place].gaps, facts[place].ohlc_violations
        old = [lake.find(m.symbol, timeframe) for m in drafts]
        tables = findings_by_place(connection, datasets)
        made = [Draft(m, t, o.manifest if o else None) for m, t, o in zip(drafts, tables, old, strict=True)]
        return [dataset.manifest for dataset in publish(lake, scratch, made)]


def _finer(lake: Lake, symbol: str, timeframe: Timeframe, anchor: Anchor | None) -> Dataset:
    """The bars to make them of."""
    old = lake.find(symbol, timeframe)
    if old is not None and old.manifest.derived is None:
        raise DataError(f"{symbol} {timeframe} is in the lake {lake.root} already, from files; resampling would replace it")
    return lake.finer(symbol, timeframe, anchor)


def _made(
    connection: duckdb.DuckDBPyConnection, path: Path, finer: Dataset, timeframe: Timeframe, anchor: Anchor | None
) -> Manifest:
    """Write the longer bars; their manifest, in which what the audit finds is still open."""
    source = open_bars([finer], timeframe=timeframe, anchor=anchor)
    for _, statement in source.statements:
        connection.execute(statement)
    columns = ", ".join(["symbol", *PRICES, *map(quote_name, source.extras)])
    file = copy_bars(connection, f"select {columns} from bars order by bar", path).entry()
    connection.execute("drop table bars")
    types = [("symbol", "VARCHAR"), ("ts", "TIMESTAMP"), *((name, "DOUBLE") for name in (*PRICES[1:], *source.extras))]
    return Manifest(
        symbol=finer.symbol, timeframe=str(timeframe), files=[file], extras=source.extras,
        schema_fingerprint=schema_fingerprint(types), rows=file.rows, first_ts=file.first_ts, last_ts=file.last_ts,
        derived=Derived(
            timeframe=str(finer.timeframe), digest=finer.manifest.digest(), anchor=str(anchor) if anchor else None
        ),
        created_at=datetime.now(UTC).replace(tzinfo=None, microsecond=0), tool_version=duckbt.__version__,
    )  # fmt: skip
