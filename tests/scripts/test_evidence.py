"""The scripts that capture a baseline, put runs to the test against it, and gather the figures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT


def script(name: str, *arguments: object) -> str:
    command = [sys.executable, str(ROOT / "scripts" / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evidence")
    script("capture_baseline.py", "--bars", 60_000, "--out", folder / "baseline")
    script("bench_evidence.py", "--baseline", folder / "baseline", "--out", folder / "bench", "--pairs", 1)
    script("ci/aggregate_benchmarks.py", folder)
    return folder


def test_the_engine_is_the_same_as_the_bar_by_bar_baseline(results: Path) -> None:
    evidence = json.loads((results / "bench" / "evidence.json").read_text())
    baseline = json.loads((results / "baseline" / "baseline.json").read_text())
    assert evidence["same_as_baseline"], evidence["differences_from_baseline"]
    assert evidence["same_when_computed_again"]
    assert baseline["trade_count"] > 500
    assert baseline["signal_count"] > baseline["trade_count"]


def test_allocations_are_few_and_far_fewer_than_the_baseline_s(results: Path) -> None:
    evidence = json.loads((results / "bench" / "evidence.json").read_text())
    baseline = json.loads((results / "baseline" / "baseline.json").read_text())
    assert baseline["allocation_count_scan"] > baseline["candle_count"]  # a loop over bars makes objects for each
    assert evidence["allocation_count_scan"] <= 1500  # a million bars may have as many, these are fewer
    assert evidence["allocation_reduction_pct"] >= 70


def test_the_summary_has_every_run_and_every_figure(results: Path) -> None:
    summary = json.loads((results / "benchmark_summary.json").read_text())
    assert len(summary["runs"]) == len(list(results.glob("bench/runs/*"))) == 1
    (run,) = summary["runs"]
    assert run["equivalence_verified"]
    assert run["candle_count"] == 60_000
    assert run["bars_per_second"] > 0
    assert summary["baseline"][0]["candle_count"] == 60_000
    spread = summary["evidence"][0]["seconds_of_three_runs"]
    assert 0 < spread["least"] <= spread["median"] <= spread["most"]
