"""What runs say of themselves, put to the test against the bar-by-bar baseline: equivalence, spread, overhead, allocations.

    python scripts/capture_baseline.py --bars 1000000 --out results/baseline
    python scripts/bench_evidence.py --baseline results/baseline --out results/bench

Three timed runs (median, least, most); pairs of runs with and without progress, in turn, by processor time; one run with
--profile-allocations, which is then verified against the baseline and by computing it again. Everything is a process of
its own. The figures go to evidence.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any


def duckcli(*arguments: object, check: bool = True) -> dict[str, Any]:
    """One command with --json; what it prints."""
    command = [sys.executable, "-m", "duckbt", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise SystemExit(f"{' '.join(command)} failed: {done.stderr}")
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def processor_seconds(call: Callable[[], object]) -> float:
    """Processor time of the processes that a call starts: other work on the machine disturbs it less than the clock."""
    before = os.times()
    call()
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baseline", type=Path, default=Path("results/baseline"))
    parser.add_argument("--out", type=Path, default=Path("results/bench"))
    parser.add_argument("--pairs", type=int, default=9, help="pairs of runs with and without progress")
    given = parser.parse_args()
    base, out = given.baseline, given.out
    out.mkdir(parents=True, exist_ok=True)
    run = ["backtest", "run", base / "strategy.toml", "--lake", base / "lake", "--results", out, "--force"]

    def report(*options: str) -> dict[str, Any]:
        path = Path(duckcli(*run, *options)["path"])
        found: dict[str, Any] = json.loads((path / "report.json").read_text(encoding="utf-8"))
        return found

    report()  # files into the system's cache
    spread = [report("--deterministic")["total_duration_sec"] for _ in range(3)]
    pairs = []
    for number in range(given.pairs):
        order = ["json", "none"] if number % 2 else ["none", "json"]
        pair = {style: processor_seconds(partial(report, "--progress", style)) for style in order}
        pairs.append(100 * (pair["json"] / pair["none"] - 1))
    profiled = report("--profile-allocations", "--progress", "json")
    equal = duckcli("backtest", "verify", profiled["run_id"], "--results", out, "--baseline", base, check=False)
    again = duckcli("backtest", "verify", profiled["run_id"], "--results", out, check=False)
    final = json.loads((out / "runs" / f"run_id={profiled['run_id']}" / "report.json").read_text(encoding="utf-8"))
    baseline = json.loads((base / "baseline.json").read_text(encoding="utf-8"))
    seconds = final["scan_duration_sec"] + final["simulation_duration_sec"]
    evidence = {
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "candle_count": final["candle_count"],
        "seconds_of_three_runs": {"median": statistics.median(spread), "least": min(spread), "most": max(spread)},
        "progress_overhead_paired_pct": {
            "median": round(statistics.median(pairs), 3),
            "pairs": [round(p, 3) for p in pairs],
        },
        "progress_overhead_pct": final["progress_overhead_pct"],
        "progress_emission_count": final["progress_emission_count"],
        "same_as_baseline": equal["equivalence_verified"],
        "differences_from_baseline": equal["differences"],
        "same_when_computed_again": again["equivalence_verified"],
        "allocation_count_scan": final["allocation_count_scan"],
        "allocations_per_million_bars": round(final["allocation_count_scan"] / final["candle_count"] * 1e6, 1),
        "allocation_reduction_pct": final["allocation_reduction_pct"],
        "baseline_seconds": baseline["scan_duration_sec"] + baseline["simulation_duration_sec"],
        "times_faster_than_baseline": round(
            (baseline["scan_duration_sec"] + baseline["simulation_duration_sec"]) / seconds, 1
        ),
        "peak_memory_mb": final["peak_memory_mb"],
        "baseline_peak_memory_mb": baseline["peak_memory_mb"],
    }
    (out / "evidence.json").write_text(json.dumps(evidence, indent=1), encoding="utf-8")
    print(json.dumps(evidence, indent=1))


if __name__ == "__main__":
    main()
