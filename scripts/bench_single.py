"""One big backtest, cold, as a user starts it: time and memory beside a plain scan of the file and beside vectorbt.

    python scripts/bench_single.py                                   # 6.9 million bars, five rounds
    python scripts/bench_single.py --vectorbt-python PATH/bin/python  # a Python with vectorbt, TA-Lib and duckdb

Every contender runs as a process of its own, in turn, round after round, so that all meet the same machine; the table
shows medians, and ratios are medians of the ratios within a round. Files are in the system's cache after round 0.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
STRATEGY = """\
name = "bench"
description = "EMA 20/50 crosses on the side of EMA 200, stop 2 ATR, target 3 ATR, both directions"
timeframe = "1m"

[indicators]
ema20 = "ema(close, 20)"
ema50 = "ema(close, 50)"
ema200 = "ema(close, 200)"
atr14 = "atr(14)"

[entry]
long = "crossed_above(ema20, ema50) and close > ema200"
short = "crossed_below(ema20, ema50) and close < ema200"

[exit]
stop = "2 * atr14"
target = "3 * atr14"
"""
SUMS = """\
import sys, time, duckdb
connection = duckdb.connect()
begin = time.perf_counter()
connection.execute("select sum(open), sum(high), sum(low), sum(close) from read_parquet(?)", [sys.argv[1]]).fetchall()
print('{"query": %f}' % (time.perf_counter() - begin))
"""
VECTORBT = """\
import sys, time
begin = time.perf_counter()
import duckdb, numpy as np, talib, vectorbt as vbt
bars = duckdb.execute("select open, high, low, close from read_parquet(?)", [sys.argv[1]]).fetchnumpy()
o, h, l, c = (np.ascontiguousarray(bars[name]) for name in ("open", "high", "low", "close"))
read = time.perf_counter()
fast, slow, trend = (talib.EMA(c, n) for n in (20, 50, 200))
atr = talib.ATR(h, l, c, 14)
above = np.r_[False, (fast[:-1] <= slow[:-1]) & (fast[1:] > slow[1:])] & (c > trend)
below = np.r_[False, (fast[:-1] >= slow[:-1]) & (fast[1:] < slow[1:])] & (c < trend)
fill = np.r_[o[1:], np.nan]
scanned = time.perf_counter()
def simulate():
    done = vbt.Portfolio.from_signals(
        c, entries=above, short_entries=below, open=o, high=h, low=l, price=fill, size=1.0, init_cash=1e6, freq="1min",
        sl_stop=2 * atr / fill, tp_stop=3 * atr / fill, stop_entry_price="fillprice", accumulate=False,
        upon_opposite_entry="ignore")
    return int(done.trades.count()), float(done.trades.pnl.sum())
trades, pnl = simulate()
end = time.perf_counter()
if len(sys.argv) > 2:
    simulate()
    scanned, end = end, time.perf_counter()
print('{"trades": %d, "signals": %d, "read": %f, "scan": %f, "exit": %f}' % (
    trades, above.sum() + below.sum(), read - begin, scanned - read, end - scanned))
"""


@dataclass
class Contender:
    """One command and what its processes took: wall seconds, peak bytes, and what they print as JSON."""

    name: str
    command: list[str]
    seconds: list[float] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)
    printed: list[dict[str, Any]] = field(default_factory=list)

    def run(self, keep: bool) -> None:
        """One process, measured by the operating system."""
        begin = time.perf_counter()
        process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout
        assert process.stderr
        out, err = process.stdout.read(), process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{self.name} failed: {err or out}")
        if keep:
            self.seconds.append(seconds)
            self.peaks.append(usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
            self.printed.append(json.loads(out))

    def inside(self, *names: str) -> list[float]:
        """Per run the sum of the named seconds that it reports of itself."""
        found = [p.get("timings", p) for p in self.printed]
        return [sum(v for k, v in f.items() if k.startswith(names)) for f in found]


def contenders(folder: Path, bars: int, vectorbt: Path | None, options: Sequence[str]) -> dict[str, Contender]:
    """Bars, lake, strategy and the commands that are compared."""
    file = folder / f"big-{bars}" / "SYN000_M1.parquet"
    if not file.exists():
        made = ["--bars", str(bars), "--seed", "7", "--out", str(file.parent)]
        subprocess.run([sys.executable, str(HERE / "make_bars.py"), *made], check=True)
    lake, strategy = folder / f"lake-{bars}", folder / "bench.toml"
    strategy.write_text(STRATEGY, encoding="utf-8")
    duckcli = [sys.executable, "-m", "duckbt"]
    subprocess.run(
        [*duckcli, "data", "add", str(file), "--lake", str(lake), "--json"], check=True, stdout=subprocess.DEVNULL
    )
    where = ["--lake", str(lake), "--results", str(folder / "results")]
    found = {
        "sums": Contender("SELECT of four sums", [sys.executable, "-c", SUMS, str(file)]),
        "duckcli": Contender(
            "duckcli backtest run", [*duckcli, "backtest", "run", str(strategy), *where, "--force", "--json", *options]
        ),
    }
    if vectorbt:
        found["vectorbt"] = Contender("vectorbt", [str(vectorbt), "-c", VECTORBT, str(file)])
        found["again"] = Contender("vectorbt, twice", [str(vectorbt), "-c", VECTORBT, str(file), "again"])
    return found


def row(name: str, seconds: Sequence[float], base: Sequence[float], peaks: Sequence[float] = ()) -> str:
    """One line of the table; the ratio is that of the whole duckcli process to this, round by round."""
    ratio = statistics.median(b / s for s, b in zip(seconds, base, strict=True))
    peak = f"{statistics.median(peaks) / 1e6:,.0f}" if peaks else ""
    spread = f"{min(seconds):.2f} .. {max(seconds):.2f}"
    return f"| {name} | {statistics.median(seconds):.2f} | {spread} | {peak} | {ratio:.2f} |"


def table(found: dict[str, Contender]) -> list[str]:
    """The results as Markdown."""
    duckcli, sums = found["duckcli"], found["sums"]
    whole = duckcli.seconds
    lines = ["| | median s | least .. most | peak MB | duckcli / this |", "|---|---:|---:|---:|---:|"]
    lines.append(row("duckcli backtest run, whole process", whole, whole, duckcli.peaks))
    lines.append(row("… scan (indicators, signals)", duckcli.inside("30_"), whole))
    lines.append(row("… entries, exits", duckcli.inside("40_", "50_"), whole))
    lines.append(row("… trades, results, checks, files", duckcli.inside("60_", "70_", "checks", "write"), whole))
    lines.append(row("SELECT of four sums, query alone", sums.inside("query"), whole))
    lines.append(row("SELECT of four sums, whole process", sums.seconds, whole, sums.peaks))
    if "vectorbt" in found:
        other = found["vectorbt"]
        lines.append(row("vectorbt from_signals, whole process", other.seconds, whole, other.peaks))
        lines.append(row("… import and reading", other.inside("read"), whole))
        lines.append(row("… indicators, signals", other.inside("scan"), whole))
        lines.append(row("… from_signals, trades", other.inside("exit"), whole))
        lines.append(row("… the same again in one process", found["again"].inside("exit"), whole))
    return lines


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bars", type=int, default=6_900_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "duckbt-bench")
    parser.add_argument("--vectorbt-python", type=Path, help="a Python with vectorbt, TA-Lib and duckdb")
    parser.add_argument("--options", default="", help="more options for duckcli, as in '--threads 2'")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    found = contenders(given.folder, given.bars, given.vectorbt_python, given.options.split())
    for number in range(given.rounds + 1):
        for contender in found.values():
            contender.run(keep=number > 0)
    run = found["duckcli"].printed[0]
    print(f"{run['bars']:,} bars, {run['signals']:,} candidate trades, {run['trades']:,} taken", end="")
    if "vectorbt" in found:
        print(f" (vectorbt: {found['vectorbt'].printed[0]['trades']:,}, it drops signals on the bar of an exit)", end="")
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "?"
    print(f"\n{given.rounds} rounds, {os.cpu_count()} cores, load {load}\n")
    print("\n".join(table(found)))
    slowest = sorted(found["duckcli"].printed[0]["timings"])
    stages = {s: statistics.median(p["timings"][s] for p in found["duckcli"].printed) for s in slowest if s != "total"}
    shown = sorted(stages.items(), key=lambda s: -s[1])[:12]
    print("\nslowest stages: " + ", ".join(f"{name} {seconds:.2f}" for name, seconds in shown))


if __name__ == "__main__":
    main()
