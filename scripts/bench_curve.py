"""What more sets and more bars cost: time and memory of sweeps, and of a batch of full runs, each as a process.

    python scripts/bench_curve.py --out docs                      # 1, 10, 100, 1,000 sets on 1, 6.9 and 69 million bars
    python scripts/bench_curve.py --bars 1000000 --batch 0        # small

Writes curve.svg (both axes logarithmic) to ``--out`` and prints tables. The grid: 10 EMA lengths x 10 stops x 10 targets,
of which smaller counts take a part. The batch: as many simulations of that grid, each a run of its own with all its files.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench_sweep import HERE, STRATEGY, measured, ours

FAST, LEVELS = "12..30:2", "1..5.5:0.5"
GRIDS = {
    1: {"fast": "20", "k": "2", "m": "3"},
    10: {"fast": "20", "k": LEVELS, "m": "3"},
    100: {"fast": FAST, "k": LEVELS, "m": "3"},
    1_000: {"fast": FAST, "k": LEVELS, "m": LEVELS},
}
COLOURS = ("#1b6ca8", "#2a9d5c", "#c0562f", "#7a4fa3")
Point = tuple[float, float]


def plot(curves: Mapping[str, Sequence[Point]]) -> str:
    """An SVG of sets against seconds."""
    width, height, left, top = 640, 400, 60, 20
    xs = [x for points in curves.values() for x, _ in points]
    ys = [y for points in curves.values() for _, y in points]
    low, high = 10 ** math.floor(math.log10(min(ys))), 10 ** math.ceil(math.log10(max(ys)))

    def across(x: float) -> float:
        return left + (width - left - 150) * math.log10(x / min(xs)) / max(1e-9, math.log10(max(xs) / min(xs)))

    def down(y: float) -> float:
        return top + (height - top - 50) * (1 - math.log10(y / low) / math.log10(high / low))

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for power in range(round(math.log10(low)), round(math.log10(high)) + 1):
        y = down(10**power)
        parts.append(f'<path d="M{left} {y:.0f}H{width - 150}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.0f}" text-anchor="end">{10**power:,} s</text>')
    for x in sorted(set(xs)):
        parts.append(f'<text x="{across(x):.0f}" y="{height - 30}" text-anchor="middle">{x:,.0f}</text>')
    parts.append(f'<text x="{(left + width - 150) / 2:.0f}" y="{height - 8}" text-anchor="middle">parameter sets</text>')
    for (name, points), colour in zip(curves.items(), COLOURS, strict=False):
        line = " ".join(f"{across(x):.1f},{down(y):.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{across(x):.1f}" cy="{down(y):.1f}" r="4" fill="{colour}"/>' for x, y in points]
        x, y = points[-1]
        parts.append(f'<text x="{across(x) + 10:.0f}" y="{down(y) + 4:.0f}" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def lake(folder: Path, bars: int) -> None:
    """A lake of one symbol in ``folder``, and the strategy."""
    made = [sys.executable, str(HERE / "make_bars.py"), "--bars", str(bars), "--seed", "7", "--out", str(folder)]
    subprocess.run(made, check=True)
    (folder / "bench.toml").write_text(STRATEGY)
    add = [sys.executable, "-m", "duckbt", "data", "add", *map(str, folder.glob("*.parquet")), "--timeframe", "1m"]
    subprocess.run(add, cwd=folder, check=True, capture_output=True)


def batch(folder: Path, count: int) -> str:
    """``count`` simulations, each a full run; what they took."""
    stops = ", ".join(str(1 + i % 10 * 0.5) for i in range(min(10, count)))
    lengths = ", ".join(str(12 + 2 * i) for i in range(max(1, count // 10)))
    (folder / "batch.toml").write_text(
        'name = "bench"\n[defaults]\nstrategy = "bench.toml"\n[[simulation]]\n'
        f"params = {{ fast = [{lengths}], k = [{stops}] }}\n"
    )
    command = [sys.executable, "-m", "duckbt", "backtest", "batch", "batch.toml", "--json", "--no-progress"]
    seconds, peak, text = measured(command, folder)
    each = sorted(float(s["seconds"]) for s in json.loads(text)["simulations"])
    middle = each[len(each) // 2]
    return (f"{len(each)} full runs: {seconds:.0f} s, {peak:,.0f} MB; each {middle:.2f} s (median), "
            f"{each[0]:.2f} to {each[-1]:.2f}")  # fmt: skip


def main() -> None:
    """Print the table and draw it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bars", type=int, nargs="+", default=[1_000_000, 6_900_000, 69_000_000])
    parser.add_argument(
        "--batch", type=int, default=50, help="simulations of the batch, on 6.9 million bars or the fewest given"
    )
    parser.add_argument("--out", type=Path, help="folder for curve.svg")
    given = parser.parse_args()
    curves: dict[str, list[Point]] = {}
    sys.stdout.write(f"load {os.getloadavg()[0]:.1f}\n\n| bars | sets | s | peak MB |\n|---:|---:|---:|---:|\n")
    for bars in given.bars:
        with tempfile.TemporaryDirectory(prefix="bench-curve-") as text:
            folder = Path(text)
            lake(folder, bars)
            points = curves.setdefault(f"{bars / 1e6:g} million bars", [])
            for count, grid in GRIDS.items():
                seconds, peak, sets = ours(folder, grid)
                assert sets == count
                points.append((sets, seconds))
                sys.stdout.write(f"| {bars:,} | {sets:,} | {seconds:.1f} | {peak:,.0f} |\n")
                sys.stdout.flush()
            if given.batch and bars == (6_900_000 if 6_900_000 in given.bars else min(given.bars)):
                sys.stdout.write(f"\n{batch(folder, given.batch)}\n\n")
        if given.out:
            given.out.mkdir(parents=True, exist_ok=True)
            (given.out / "curve.svg").write_text(plot(curves))


if __name__ == "__main__":
    main()
