"""The unoptimised baseline: the bar-by-bar reference on the bars and strategy of a benchmark, with what it took.

    python scripts/capture_baseline.py --bars 1000000 --out results/baseline

Writes trades.parquet, signals.parquet and baseline.json: seconds, peak memory, Python allocations of the scan. A run of
strategy.toml, which is written beside them, on the same lake is compared with it by

    duckcli backtest verify RUN --baseline results/baseline

The reference is tests/reference/engine.py; the indicators are computed here, one bar after the other.
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from duckbt.engine.allocations import Allocations, counted
from duckbt.lake.register import register
from duckbt.lake.store import Lake

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "scripts"))
from bench_single import STRATEGY  # noqa: E402
from reference.engine import Bar, Rules, simulate  # noqa: E402


def ema(values: list[float], n: int) -> list[float | None]:
    """Exponential mean, begun with the mean of the first n values; gain 2 / (n + 1)."""
    result: list[float | None] = [None] * (n - 1)
    y = sum(values[:n]) / n
    result.append(y)
    gain = 2 / (n + 1)
    for value in values[n:]:
        y += gain * (value - y)
        result.append(y)
    return result


def atr(bars: list[Bar], n: int) -> list[float | None]:
    """Average true range by Wilder: the mean of the first n true ranges, then y + (tr - y) / n. The first bar has none."""
    result: list[float | None] = [None] * n
    ranges = [max(b.high, a.close) - min(b.low, a.close) for a, b in itertools.pairwise(bars)]
    y = sum(ranges[:n]) / n
    result.append(y)
    for value in ranges[n:]:
        y += (value - y) / n
        result.append(y)
    return result


def scan(table: pa.Table) -> tuple[list[Bar], Rules]:
    """Bars, indicators and conditions of the strategy of scripts/bench_single.py, bar by bar."""
    columns = [table[c].to_pylist() for c in ("ts", "open", "high", "low", "close")]
    bars = [Bar(*row) for row in zip(*columns, strict=True)]
    close = [b.close for b in bars]
    fast, slow, trend, spread = ema(close, 20), ema(close, 50), ema(close, 200), atr(bars, 14)
    long, short = [False] * len(bars), [False] * len(bars)
    for i in range(1, len(bars)):
        f, s, t, f0, s0 = fast[i], slow[i], trend[i], fast[i - 1], slow[i - 1]
        if f is None or s is None or t is None or f0 is None or s0 is None:
            continue
        long[i] = f0 <= s0 and f > s and close[i] > t
        short[i] = f0 >= s0 and f < s and close[i] < t

    def distance(k: float) -> Any:
        def of(i: int, entry: float, direction: int, stop: float | None) -> float | None:
            width = spread[i]
            return None if width is None else k * width

        return of

    return bars, Rules(long=long, short=short, stop=distance(2.0), target=distance(3.0))


def write(out: Path, bars: list[Bar], trades: list[Any], status: dict[tuple[int, int], str]) -> None:
    """Trades and signals as Parquet, in the columns of a run folder."""
    word = {1: "long", -1: "short"}
    pq.write_table(pa.table({
        "symbol": ["SYN000"] * len(trades),
        "direction": [word[t.direction] for t in trades],
        "entry_ts": [bars[t.entry_bar].ts for t in trades],
        "entry_price": [t.entry_price for t in trades],
        "exit_ts": [bars[t.exit_bar].ts for t in trades],
        "exit_price": [t.exit_price for t in trades],
        "exit_reason": [t.reason for t in trades],
        "gross_pnl": [(t.exit_price - t.entry_price) * t.direction for t in trades],
    }), out / "trades.parquet")  # fmt: skip
    found = sorted(status.items())
    pq.write_table(pa.table({
        "symbol": ["SYN000"] * len(found),
        "direction": [word[d] for (_, d), _ in found],
        "ts": [bars[i].ts for (i, _), _ in found],
        "status": [s for _, s in found],
    }), out / "signals.parquet")  # fmt: skip


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bars", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, default=Path("results/baseline"))
    given = parser.parse_args()
    out: Path = given.out
    out.mkdir(parents=True, exist_ok=True)
    file = out / "bars" / "SYN000_M1.parquet"
    made = [sys.executable, str(ROOT / "scripts" / "make_bars.py"), "--bars", str(given.bars), "--seed", "7"]
    subprocess.run([*made, "--out", str(file.parent)], check=True)
    register([file], Lake(out / "lake"))
    (out / "strategy.toml").write_text(STRATEGY, encoding="utf-8")

    table = pq.read_table(file, columns=["ts", "open", "high", "low", "close"])
    begin = time.perf_counter()
    bars, rules = scan(table)
    scanned = time.perf_counter()
    trades, status = simulate(bars, rules)
    end = time.perf_counter()
    memory = psutil.Process().memory_info()
    peak = getattr(memory, "peak_wset", 0) or memory.rss  # everything is still held here
    write(out, bars, trades, status)
    allocations = allocations_of(table)
    record = {
        "schema_version": 1,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "candle_count": len(bars),
        "signal_count": len(status),
        "trade_count": len(trades),
        "scan_duration_sec": round(scanned - begin, 3),
        "simulation_duration_sec": round(end - scanned, 3),
        "peak_memory_mb": round(peak / 1e6, 1),
        "allocation_count_scan": allocations.count,
        "allocation_peak_mb_scan": round((allocations.peak_bytes or 0) / 1e6, 1),
        "python": platform.python_version(),
    }
    (out / "baseline.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
    print(json.dumps(record, indent=1))


def allocations_of(table: pa.Table) -> Allocations:
    """The scan once more, traced; timed apart, because tracing slows Python down."""
    with counted() as found:
        kept = scan(table)
    del kept
    return found


if __name__ == "__main__":
    main()
