"""Longer bars kept in the lake, made of the finest bars there that fill them."""

from __future__ import annotations

from datetime import UTC, datetime

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


def resample(lake: Lake, symbol: str, timeframe: Timeframe, anchor: Anchor | None = None) -> Manifest:
    """Make bars of ``timeframe`` for one symbol and publish them as a dataset that knows what it was made of.

    Days begin at ``anchor`` (default 00:00 UTC). Raises DataError when the lake has no bars that fill them, or has
    bars of that length which came from files.
    """
    old = lake.find(symbol, timeframe)
    if old is not None and old.manifest.derived is None:
        raise DataError(f"{symbol} {timeframe} is in the lake {lake.root} already, from files; resampling would replace it")
    finer = lake.finer(symbol, timeframe, anchor)
    source = open_bars([finer], timeframe=timeframe, anchor=anchor)
    with writing(lake) as (scratch, connection):
        for _, statement in source.statements:
            connection.execute(statement)
        columns = ", ".join(["symbol", *PRICES, *map(quote_name, source.extras)])
        file = copy_bars(connection, f"select {columns} from bars order by bar", scratch / "out.parquet").entry()
        types = [("symbol", "VARCHAR"), ("ts", "TIMESTAMP"), *((name, "DOUBLE") for name in (*PRICES[1:], *source.extras))]
        manifest = Manifest(
            symbol=symbol, timeframe=str(timeframe), files=[file], extras=source.extras,
            schema_fingerprint=schema_fingerprint(types), rows=file.rows, first_ts=file.first_ts, last_ts=file.last_ts,
            derived=Derived(
                timeframe=str(finer.timeframe), digest=finer.manifest.digest(), anchor=str(anchor) if anchor else None
            ),
            created_at=datetime.now(UTC).replace(tzinfo=None, microsecond=0), tool_version=duckbt.__version__,
        )  # fmt: skip
        draft = Dataset(lake.folder(symbol, timeframe), manifest)
        connection.execute(FINDINGS)
        check_bars(connection, [draft])
        facts = facts_of(connection).get(0)
        if facts:
            manifest.gaps, manifest.ohlc_violations = facts.gaps, facts.ohlc_violations
        findings = findings_by_place(connection, [draft])[0]
        return publish(lake, scratch, [Draft(manifest, findings, old.manifest if old else None)])[0].manifest
