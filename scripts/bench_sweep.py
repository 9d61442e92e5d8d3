"""Sweeps on one big symbol, as processes, beside vectorbt in its best form: a loop over parameter sets, or broadcast.

    python scripts/bench_sweep.py --vectorbt-python PATH/bin/python            # a: 50, b: 400, c: 1,000 sets
    python scripts/bench_sweep.py --cases a --vectorbt-sets 10                 # vectorbt on ten sets, scaled up

vectorbt's time per set is measured on ``--vectorbt-sets`` sets after reading and indicators, and the whole is
start + sets * time per set; with ``--vectorbt-sets all`` it runs them all. Broadcasting is tried on as many columns as
fit the memory given. Both sides meet the same machine in turn; told is the median of the rounds, and of their ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
STRATEGY = """\
name = "bench"
description = "EMA crosses on the side of EMA 200, stop and target in ATR, both directions"
timeframe = "1m"

[params]
fast = 20
slow = 50
k = 2.0
m = 3.0

[indicators]
fast_ema = "ema(close, $fast)"
slow_ema = "ema(close, $slow)"
trend = "ema(close, 200)"
atr14 = "atr(14)"

[entry]
long = "crossed_above(fast_ema, slow_ema) and close > trend"
short = "crossed_below(fast_ema, slow_ema) and close < trend"

[exit]
stop = "$k * atr14"
target = "$m * atr14"
"""
CASES = {
    "a": ("50 sets: 10 EMA lengths x 5 stops", {"fast": "12..30:2", "k": "1..5"}, (10, 5, 1)),
    "b": ("400 sets: 20 stops x 20 targets", {"k": "0.5..10:0.5", "m": "0.5..10:0.5"}, (1, 20, 20)),
    "c": ("1,000 sets: 10 signal sets x 10 stops x 10 targets", {"fast": "12..30:2", "k": "1..5.5:0.5", "m": "1..5.5:0.5"},
          (10, 10, 10)),
}  # fmt: skip
VECTORBT = """\
import json, sys, time
begin = time.perf_counter()
import duckdb, numpy as np, talib, vectorbt as vbt
path, wanted, broadcast = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
bars = duckdb.execute("select open, high, low, close from read_parquet(?)", [path]).fetchnumpy()
o, h, l, c = (np.ascontiguousarray(bars[name]) for name in ("open", "high", "low", "close"))
slow, trend, atr = talib.EMA(c, 50), talib.EMA(c, 200), talib.ATR(h, l, c, 14)
fill = np.r_[o[1:], np.nan]
def signals(n):
    fast = talib.EMA(c, n)
    above = np.r_[False, (fast[:-1] <= slow[:-1]) & (fast[1:] > slow[1:])] & (c > trend)
    below = np.r_[False, (fast[:-1] >= slow[:-1]) & (fast[1:] < slow[1:])] & (c < trend)
    return above, below
def run(above, below, k, m):
    flat = (lambda x: x) if np.isscalar(k) else (lambda x: x[:, None])
    done = vbt.Portfolio.from_signals(
        flat(c), entries=flat(above), short_entries=flat(below), open=flat(o), high=flat(h), low=flat(l),
        price=flat(fill), size=1.0, init_cash=1e6, freq="1min", sl_stop=flat(atr / fill) * k, tp_stop=flat(atr / fill) * m,
        stop_entry_price="fillprice", accumulate=False, upon_opposite_entry="ignore")
    return np.atleast_1d(done.trades.count()).sum(), np.atleast_1d(done.trades.pnl.sum()).sum()
above, below = signals(20)
run(above, below, 2.0, 3.0)  # compiled, if it was not yet
ready = time.perf_counter()
if broadcast:
    run(above, below, np.linspace(1, 5, broadcast), np.full(broadcast, 3.0))
    each = (time.perf_counter() - ready) / broadcast
else:
    for i in range(wanted):
        if i % 5 == 0:
            above, below = signals(12 + i % 20)
        run(above, below, 1.0 + i % 5, 3.0)
    each = (time.perf_counter() - ready) / max(1, wanted)
print(json.dumps({"start": ready - begin, "each": each}))
"""


def measured(command: list[str], cwd: Path) -> tuple[float, float, str]:
    """(seconds, peak megabytes, what it printed) of one process."""
    begin = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, cwd=cwd, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} ended with {process.returncode}")
    return seconds, usage.ru_maxrss / 1024, text


def ours(folder: Path, grid: dict[str, str]) -> tuple[float, float, int]:
    """(seconds, peak megabytes, sets) of one sweep as a process."""
    command = [sys.executable, "-m", "duckbt", "backtest", "sweep", "bench.toml", "--json", "--force", "--no-progress"]
    for name, values in grid.items():
        command += ["-g", f"{name}={values}"]
    seconds, peak, text = measured(command, folder)
    found: dict[str, Any] = json.loads(text)
    return seconds, peak, int(found["combos"])


def theirs(python: str, file: Path, folder: Path, sets: int, broadcast: int) -> tuple[float, float, float]:
    """(seconds to start, seconds per set, peak megabytes) of vectorbt."""
    _, peak, text = measured([python, "-c", VECTORBT, str(file), str(sets), str(broadcast)], folder)
    found = json.loads(text)
    return float(found["start"]), float(found["each"]), peak


def compare(folder: Path, file: Path, grid: dict[str, str], given: argparse.Namespace) -> dict[str, Any]:
    """Medians over the rounds. The first round tries both forms of vectorbt; the faster one runs in all."""
    mine, other, ratios = [], [], []
    sets, form = 0, None
    for _ in range(given.rounds):
        seconds, peak, sets = ours(folder, grid)
        mine.append((seconds, peak))
        if given.vectorbt_python:
            count = sets if given.vectorbt_sets == "all" else int(given.vectorbt_sets)
            tried = {}
            for broadcast in (0, 4) if form is None else (form,):
                start, each, memory = theirs(given.vectorbt_python, file, folder, count, broadcast)
                tried[start + each * sets, broadcast] = each, memory
            whole, form = min(tried)
            other.append((whole, *tried[whole, form]))
            ratios.append(whole / seconds)
    told: dict[str, Any] = {"sets": sets, "seconds": median(s for s, _ in mine), "peak_mb": max(p for _, p in mine)}
    if other:
        told |= {"vectorbt_seconds": median(s for s, _, _ in other), "vectorbt_each": median(e for _, e, _ in other),
                 "vectorbt_peak_mb": max(m for _, _, m in other), "vectorbt_form": "broadcast" if form else "loop",
                 "ratio": median(ratios), "ratios": sorted(ratios)}  # fmt: skip
    return told


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bars", type=int, default=6_900_000)
    parser.add_argument("--file", type=Path, help="Parquet file to use instead of making one")
    parser.add_argument("--cases", default="abc")
    parser.add_argument("--vectorbt-python", help="a Python with vectorbt, TA-Lib and duckdb")
    parser.add_argument("--vectorbt-sets", default="10")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-sweep-") as text:
        folder = Path(text)
        file = given.file
        if file is None:
            made = [
                sys.executable,
                str(HERE / "make_bars.py"),
                "--bars",
                str(given.bars),
                "--seed",
                "7",
                "--out",
                str(folder),
            ]
            subprocess.run(made, check=True)
            file = next(folder.glob("*.parquet"))
        (folder / "bench.toml").write_text(STRATEGY)
        add = [sys.executable, "-m", "duckbt", "data", "add", str(file), "--timeframe", "1m"]
        subprocess.run(add, cwd=folder, check=True, capture_output=True)
        rows = []
        for case in given.cases:
            title, grid, _ = CASES[case]
            told = compare(folder, file, grid, given)
            rows.append({"case": case, "title": title, **told})
            text = f"{title}: {told['seconds']:.1f} s, {told['peak_mb']:,.0f} MB"
            if given.vectorbt_python:
                text += (f"; vectorbt ({told['vectorbt_form']}, {told['vectorbt_each']:.2f} s a set) "
                         f"{told['vectorbt_seconds']:.0f} s, {told['vectorbt_peak_mb']:,.0f} MB; {told['ratio']:.1f} times "
                         f"as fast ({told['ratios'][0]:.1f} to {told['ratios'][-1]:.1f})")  # fmt: skip
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
        if given.out:
            given.out.write_text(json.dumps({"load": os.getloadavg()[0], "cases": rows}, indent=1))


if __name__ == "__main__":
    main()
