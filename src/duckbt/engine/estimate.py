"""What a run will take, judged before it reads a bar: rows, memory and time of every stage.

Bars are counted by the lake's manifests. How many entries a strategy finds is not known before it has looked, so a
usual number is assumed. Rates are those of scripts/bench_single.py on two cores; see docs/performance.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from duckbt.engine.plan import Plan
from duckbt.engine.step import Step
from duckbt.lake.source import BarSource

BARS_PER_ENTRY = 80  # one possible trade in so many bars
BASE_MB = 200.0  # Python, DuckDB, and reading Parquet on two threads
FIXED = 0.005  # seconds that any stage takes
WINDOW = 0.004  # seconds per million bars for every window function of a scan
# seconds per million bars
BY_BARS = {"10_bars/blocks": 0.07, "40_entries/candidates": 0.05, "50_exits/touches": 0.03, "60_trades/excursions": 0.03,
           "70_results/mark_closes": 0.04, "checks": 0.03}  # fmt: skip
# seconds per 100,000 possible trades
BY_ENTRIES = {"50_exits/touches": 0.8, "50_exits/exits": 0.3, "60_trades/sequence": 0.2, "60_trades/excursions": 0.4,
              "60_trades/trades": 0.3, "70_results/held": 0.3, "70_results/trade_sums": 0.4, "checks": 0.15,
              "write trades": 0.2}  # fmt: skip
OTHER_STAGE = 0.05  # of these, all other stages
MB_PER_ENTRY = 280e-6  # of every table that has a row per possible trade
MB_PER_BLOCK = 30e-6  # of the pyramid of lows and highs
_VIEW = re.compile(r"\s*(--[^\n]*\n\s*)*create (or replace )?(temp(orary)? )?(view|macro)\b")


@dataclass(frozen=True)
class StageEstimate:
    """One stage: rows of its table (a view has none), megabytes these take, seconds."""

    name: str
    rows: int
    memory_mb: float
    seconds: float


@dataclass(frozen=True)
class Estimate:
    """All stages of a run, in order."""

    stages: tuple[StageEstimate, ...]
    bars: int
    entries: int

    @property
    def memory_mb(self) -> float:
        """Megabytes of the process when nothing goes to disk."""
        return BASE_MB + sum(s.memory_mb for s in self.stages)

    @property
    def seconds(self) -> float:
        """Seconds from the first stage to the last."""
        return sum(s.seconds for s in self.stages)

    def weights(self) -> dict[str, float]:
        """Seconds by stage, for the progress of a run."""
        found: dict[str, float] = {}
        for stage in self.stages:
            found[stage.name] = found.get(stage.name, 0.0) + stage.seconds
        return found


def estimate(plan: Plan, source: BarSource, tables: Sequence[str]) -> Estimate:
    """Estimate of a plan and of writing the given result tables."""
    entries = source.bars // BARS_PER_ENTRY
    steps = [*plan.steps, Step("checks", ()), *(Step(f"write {table}", ()) for table in tables)]
    return Estimate(tuple(_stage(step, source, entries) for step in steps), source.bars, entries)


def _stage(step: Step, source: BarSource, entries: int) -> StageEstimate:
    name, bars = step.name, source.bars
    if step.statements and _VIEW.match(step.statements[0]):
        return StageEstimate(name, 0, 0.0, FIXED)
    by_bars, by_entries = BY_BARS.get(name, 0.0), BY_ENTRIES.get(name, OTHER_STAGE)
    rows, size = entries, MB_PER_ENTRY
    if name == "10_bars/blocks":
        rows, size, by_entries = bars // 31, MB_PER_BLOCK, 0.0
    elif name.startswith(("10_", "25_", "30_")):
        windows = sum(len(re.findall(r"\bover\b", s)) for s in step.statements) / max(1, len(step.statements))
        by_bars, by_entries = by_bars + 0.02 + WINDOW * windows, 0.0
        rows, size = (bars, 40e-6) if name.startswith("25_") else (entries, size)
    elif not name.startswith(("4", "5", "6")):
        size = 0.0  # results are small, or written at once
        days = max(1, bars * source.timeframe.seconds // 86_400)
        rows = entries if name in ("write trades", "write signals") else days
    seconds = FIXED + by_bars * bars / 1e6 + by_entries * entries / 1e5
    return StageEstimate(name, rows, rows * size, seconds)
