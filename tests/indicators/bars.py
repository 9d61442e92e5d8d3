"""Small symbols on which indicators are hard to compute, and scans over them."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from conftest import START, strategy
from duckbt.lake.register import register
from duckbt.lake.store import Lake
from duckbt.lake.timeframe import Timeframe
from duckbt.results.run import Settings, prepare, scan_bars

Row = tuple[float, float, float, float, float | None]


def walk(bars: int, seed: int, volume: bool = True) -> list[Row]:
    """A random walk in cents, with gaps, flat bars and bars without volume in it."""
    draw = random.Random(seed)
    close, rows = 10_000, []
    for _ in range(bars):
        opened = close + draw.choice((0, 0, 0, -7, 5))
        close = opened + draw.randint(-20, 20)
        high, low = max(opened, close) + draw.randint(0, 9), min(opened, close) - draw.randint(0, 9)
        if draw.random() < 0.05:
            close = high = low = opened
        size = None if not volume else float(draw.choice((0, draw.randint(1, 900))))
        rows.append((opened / 100, high / 100, low / 100, close / 100, size))
    return rows


def hard_symbols() -> dict[str, list[Row]]:
    """By name; every one short, so that a test can afford all indicators on all of them."""
    still = (5.0, 5.0, 5.0, 5.0)
    some = [(*row[:4], None if i % 97 == 40 else row[4]) for i, row in enumerate(walk(900, 3))]
    return {
        "CONSTANT": [(*still, 10.0)] * 400,
        "FIVE": walk(5, 1),
        "NOVOLUME": walk(700, 2, volume=False),
        "ONE": [(1.0, 2.0, 0.5, 1.5, 3.0)],
        "SOMEVOLUME": some,
        "STOPPED": walk(300, 4) + [(*still, 0.0)] * 200 + walk(300, 5),
        "WALK": walk(1500, 6),
        "ZEROVOLUME": [(*row[:4], 0.0) for row in walk(500, 7)],
    }


def write(path: Path, rows: Sequence[Row], minutes: int = 1, start: datetime = START) -> Path:
    """Parquet of rows, a NULL volume where it is None."""
    path.parent.mkdir(parents=True, exist_ok=True)
    times = pa.array([start + timedelta(minutes=minutes * i) for i in range(len(rows))], pa.timestamp("us"))
    values = [pa.array([row[i] for row in rows], pa.float64()) for i in range(5)]
    pq.write_table(pa.table([times, *values], ["ts", "open", "high", "low", "close", "volume"]), path)
    return path


def lake_of(folder: Path, symbols: Mapping[str, Sequence[Row]], minutes: int = 1) -> Lake:
    """A lake of these symbols, registered in place."""
    lake = Lake(folder / "lake")
    for name, rows in symbols.items():
        register([write(folder / "raw" / f"{name}.parquet", rows, minutes)], lake, symbol=name,
                 timeframe=Timeframe(f"{minutes}m"))  # fmt: skip
    return lake


def scan(
    lake: Lake,
    expressions: Mapping[str, str],
    symbols: Sequence[str] = (),
    threads: int | None = None,
    timeframe: str = "1m",
) -> pa.Table:
    """Every bar with the values of the expressions, by symbol and time."""
    file = strategy(timeframe=timeframe, indicators=dict(expressions), entry={"long": "false"})
    out = lake.root / f"scan-{len(list(lake.root.glob('scan-*')))}.parquet"
    scan_bars(prepare(file, lake, symbols), out, Settings(threads))
    return pq.read_table(out)


def finite(table: pa.Table) -> list[str]:
    """Columns that hold NaN or an infinity: there must be none."""
    return [
        name
        for name, column in zip(table.column_names, table.columns, strict=True)
        if pa.types.is_floating(column.type) and any(v is not None and not math.isfinite(v) for v in column.to_pylist())
    ]
