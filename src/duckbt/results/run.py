"""One backtest from strategy file to published run folder, and reading it back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from duckbt.engine.progress import Listener
from duckbt.engine.scanner import scan_to
from duckbt.errors import DuckbtError
from duckbt.lake.store import Lake
from duckbt.results.catalog import refresh_catalog
from duckbt.results.computing import compute
from duckbt.results.folder import find_run, is_done, publish, read_run_manifest, run_path, staging
from duckbt.results.manifest import RunManifest
from duckbt.results.performance import PerformanceReport, read_report
from duckbt.results.prepared import Prepared, Settings, prepare
from duckbt.sqlfiles import connect, quote_text
from duckbt.strategy.load import StrategyFile

__all__ = ["Prepared", "Run", "Settings", "backtest", "prepare", "run_backtest", "scan_bars"]
log = logging.getLogger(__name__)


def run_backtest(
    prepared: Prepared, results: Path | str = "results", settings: Settings | None = None, progress: Listener | None = None
) -> Run:
    """Run and publish; a run that is already there is returned as it is, unless ``settings.force``."""
    settings = settings or Settings()
    results = Path(results)
    final = run_path(results, prepared.run_id)
    if is_done(final) and not settings.force:
        log.info("run %s is there already", prepared.run_id)
        return Run(final, fresh=False)
    with staging(results) as folder:
        publish(compute(prepared, folder, final, settings, progress), final, settings.force)
    refresh_catalog(results, prepared.program.indicator_columns)
    return Run(final, fresh=True)


class Run:
    """A published run. ``trades``, ``signals``, ``equity`` are DuckDB relations over its Parquet files."""

    def __init__(self, path: Path, fresh: bool = False) -> None:
        self.path, self.fresh = path, fresh

    @classmethod
    def find(cls, run: str, results: Path | str = "results") -> Run:
        """A run by id, beginning of an id, or path."""
        return cls(find_run(Path(results), run))

    @cached_property
    def manifest(self) -> RunManifest:
        """Its manifest."""
        return read_run_manifest(self.path)

    @property
    def performance(self) -> PerformanceReport:
        """What it took: ``report.json``."""
        return read_report(self.path)

    @property
    def report_json(self) -> dict[str, Any]:
        """Its performance report as plain values."""
        return self.performance.model_dump(mode="json")

    def report(self) -> Path:
        """The run as one HTML page, made when it is first asked for; returns its path."""
        write_html: Callable[[Path], Path] = import_module(
            "duckbt.report.html"
        ).write_html  # that room stands above this one
        return write_html(self.path)

    @property
    def run_id(self) -> str:
        """Its id."""
        return self.manifest.run_id

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        return connect()

    def table(self, name: str) -> duckdb.DuckDBPyRelation:
        """A result table as a relation: ``.pl()``, ``.df()``, ``.to_arrow_table()``, ``.fetchall()``."""
        return self._connection.sql(
            f"from read_parquet({quote_text(self.path / f'{name}.parquet')}, hive_partitioning = false)"
        )

    @property
    def trades(self) -> duckdb.DuckDBPyRelation:
        """One row per trade."""
        return self.table("trades")

    @property
    def signals(self) -> duckdb.DuckDBPyRelation:
        """One row per signal, with what became of it."""
        return self.table("signals")

    @property
    def equity(self) -> duckdb.DuckDBPyRelation:
        """The account after every exit and every day."""
        return self.table("equity")

    @cached_property
    def metrics(self) -> dict[str, float | None]:
        """Metrics of the whole run by name."""
        return self.metrics_of("all")

    def metrics_of(self, scope: str) -> dict[str, float | None]:
        """Metrics of ``all``, ``long``, ``short`` or a symbol. Raises DuckbtError for another scope."""
        rows = self._connection.execute(
            "select name, value from read_parquet(?) where scope = ?", [str(self.path / "metrics.parquet"), scope]
        ).fetchall()
        if not rows:
            raise DuckbtError(f"run {self.run_id} has no metrics for {scope!r}")
        return dict(rows)


def backtest(
    strategy: StrategyFile | Path | str,
    lake: Lake | Path | str = "lake",
    symbols: Sequence[str] | str = (),
    params: Mapping[str, Any] | None = None,
    first: datetime | date | str | None = None,
    last: datetime | date | str | None = None,
    warmup: int = 0,
    results: Path | str = "results",
    settings: Settings | None = None,
    progress: Listener | None = None,
) -> Run:
    """Run a strategy on the lake and return the published run.

    ``symbols``: empty means all that can serve the strategy's timeframe. ``first`` inclusive, ``last`` exclusive, UTC;
    ISO text such as ``"2024-01-31"`` will do. ``settings``: threads, memory limit, force and
    such. ``progress`` is called with a ``Tick`` for every stage and every 2 %.
    Raises StrategyError, DataError, UsageError, ResourceError.
    """
    return run_backtest(prepare(strategy, lake, symbols, params, first, last, warmup), results, settings, progress)


def scan_bars(prepared: Prepared, out: Path, settings: Settings | None = None) -> int:
    """Write every bar with all declared indicators and signal flags to Parquet; returns the number of bars."""
    settings = settings or Settings()
    with TemporaryDirectory(prefix=".scan-", dir=out.resolve().parent) as scratch:
        return scan_to(prepared.program, prepared.source, out, Path(scratch), settings.pinned_threads, settings.memory_limit)
