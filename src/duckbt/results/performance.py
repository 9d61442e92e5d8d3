"""``report.json``: what a run took and what it found, measured while it ran."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from duckbt.errors import DataError
from duckbt.lake.manifest import write_json
from duckbt.results.environment import Environment

REPORT = "report.json"
SCAN = ("10_", "25_", "30_")
SIMULATION = ("40_", "50_", "60_")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Equivalence(_Model):
    """What a run was compared with, and how: recorded by ``backtest verify``."""

    against: str
    tables: dict[str, int]
    pnl_tolerance: float | None = None
    verified_at: datetime


class PerformanceReport(_Model):
    """Schema version 1. Durations in seconds, memory in megabytes (10^6 bytes), shares in percent.

    ``scan_duration_sec``: bars, indicators, signals; ``simulation_duration_sec``: entries, exits, trades. ``timings``
    has every stage and ``total``; ``row_counts`` the rows of every table that a stage made. Fields that only ``verify``
    or ``--profile-allocations`` can tell are null until then.
    """

    schema_version: Literal[1] = 1
    run_id: str
    created_at: datetime
    candle_count: int
    signal_count: int
    trade_count: int
    indicator_names: list[str]
    scan_duration_sec: float
    simulation_duration_sec: float
    total_duration_sec: float
    peak_memory_mb: float
    estimated_memory_mb: float
    estimated_duration_sec: float
    progress_emission_count: int
    progress_overhead_pct: float
    allocation_count_scan: int | None = None
    allocation_peak_mb_scan: float | None = None
    allocation_reduction_pct: float | None = None
    equivalence_verified: bool = False
    equivalence: Equivalence | None = None
    manifest_path: str
    manifest_sha256: str
    duplicate_timestamps_removed: int
    duplicate_first_ts: datetime | None
    duplicate_last_ts: datetime | None
    deterministic_mode: bool
    environment: Environment
    timings: dict[str, float]
    row_counts: dict[str, int]


def read_report(run: Path) -> PerformanceReport:
    """The report of a published run. Raises DataError when it is missing or damaged."""
    file = run / REPORT
    try:
        return PerformanceReport.model_validate_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{file} is missing; run the strategy again with --force") from None
    except ValueError as error:
        raise DataError(f"{file} is no report: {str(error).splitlines()[0]}; run the strategy again with --force") from None


def write_report(run: Path, report: PerformanceReport) -> None:
    """Write or replace the report of a run, whole or not at all."""
    write_json(run / REPORT, report.model_dump_json(indent=1))


def seconds_of(timings: dict[str, float], stages: tuple[str, ...]) -> float:
    """Seconds of all stages whose names begin so."""
    return round(sum(seconds for name, seconds in timings.items() if name.startswith(stages)), 6)
