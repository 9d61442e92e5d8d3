"""One backtest from strategy file to published run folder, and reading it back."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

import duckbt
from duckbt.compiler.compile import compile_strategy
from duckbt.compiler.library import Library
from duckbt.compiler.program import Program
from duckbt.engine.plan import Plan, build_plan
from duckbt.engine.scanner import scan_to
from duckbt.engine.script import write_script
from duckbt.engine.session import Session
from duckbt.engine.step import Step
from duckbt.errors import DuckbtError, UsageError
from duckbt.lake.extra_sources import all_datasets, resolved_on, with_finer, with_rates
from duckbt.lake.manifest import sha256_of
from duckbt.lake.moment import moment
from duckbt.lake.source import BarSource, open_bars
from duckbt.lake.store import Dataset, Lake
from duckbt.lake.timeframe import Timeframe
from duckbt.results.catalog import refresh_catalog
from duckbt.results.folder import TABLES, find_run, is_done, publish, read_run_manifest, run_path, staging
from duckbt.results.manifest import RunManifest, Selection, datasets_used, indicators_used, run_identity
from duckbt.sqlfiles import connect, quote_name, quote_text, sql_fingerprint
from duckbt.strategy.load import StrategyFile, load_strategy
from duckbt.strategy.model import Parameter, Strategy

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Settings:
    """What a run may vary without changing its result."""

    threads: int | None = None
    memory_limit: str | None = None
    force: bool = False


@dataclass(frozen=True)
class Prepared:
    """Everything of a run that is known before any bar is read."""

    file: StrategyFile
    parameters: dict[str, Parameter]
    selection: Selection
    program: Program
    source: BarSource
    plan: Plan
    datasets: list[Dataset]

    @property
    def run_id(self) -> str:
        """Content-addressed id."""
        return run_identity(self.file, self.parameters, self.selection, self.datasets)


def prepare(
    strategy: StrategyFile | Path | str,
    lake: Lake | Path | str = "lake",
    symbols: Sequence[str] | str = (),
    params: Mapping[str, Any] | None = None,
    first: datetime | date | str | None = None,
    last: datetime | date | str | None = None,
    warmup: int = 0,
) -> Prepared:
    """Compile a strategy against the lake. Raises StrategyError, DataError or UsageError before anything runs."""
    first, last = moment(first, "first"), moment(last, "last")
    if first and last and first >= last:
        raise UsageError(f"no time lies from {first} (inclusive) to {last} (exclusive); give a later end")
    symbols = [symbols] if isinstance(symbols, str) else symbols
    file = strategy if isinstance(strategy, StrategyFile) else load_strategy(strategy)
    lake = lake if isinstance(lake, Lake) else Lake(lake)
    parameters = file.parameters(params or {})
    program = compile_strategy(file, Library(file.indicators_folder), [parameters])
    datasets = lake.choose(symbols, file.strategy.bar, file.strategy.day)
    for dataset in datasets:
        dataset.check_files()
    source, datasets = _bars(file.strategy, lake, datasets, first, last, warmup)
    plan = build_plan(program, source, file.strategy, not_before=first if warmup else None)
    selection = Selection(symbols=[s.symbol for s in source.symbols], first=first, last=last, warmup=warmup)
    return Prepared(file, parameters, selection, program, source, plan, datasets)


def _bars(
    strategy: Strategy, lake: Lake, datasets: list[Dataset], first: datetime | None, last: datetime | None, warmup: int
) -> tuple[BarSource, list[Dataset]]:
    """The bars a strategy runs on, and every dataset they come from."""
    fine = strategy.exit.resolve_on
    name = "signal_bars" if fine else "bars"
    source = open_bars(datasets, first, last, warmup, name, strategy.bar, strategy.day)
    more: list[Dataset] = []
    if fine:
        source = resolved_on(source, lake, Timeframe(fine), first, last)
    if strategy.exit.same_bar == "finer":
        source, finer = with_finer(source, lake)
        more += finer
    if strategy.size.currency:
        source, pairs = with_rates(source, lake, strategy.size.currency, strategy.size.quotes, strategy.bar)
        more += pairs
    return source, all_datasets(source, more)


def run_backtest(
    prepared: Prepared, results: Path | str = "results", settings: Settings | None = None, progress: Progress | None = None
) -> Run:
    """Run and publish; a run that is already there is returned as it is, unless ``settings.force``."""
    settings = settings or Settings()
    results = Path(results)
    final = run_path(results, prepared.run_id)
    if is_done(final) and not settings.force:
        return Run(final, fresh=False)
    begin = time.perf_counter()
    with staging(results) as folder:
        out = folder / "run"
        out.mkdir()
        with Session(folder, prepared.source.files, settings.threads, settings.memory_limit) as session:
            session.run(prepared.plan, progress)
            session.check(prepared.plan.checks)
            _write_tables(session, prepared.program, prepared.plan, out)
            counts = session.rows("select (select count(*) from signals), (select count(*) from trades)")[0]
            timings = dict(session.timings)
        timings["total"] = time.perf_counter() - begin
        _write_rest(prepared, out, counts, timings)
        publish(out, final, settings.force)
    refresh_catalog(results, prepared.program.indicator_columns)
    return Run(final, fresh=True)


def _write_tables(session: Session, program: Program, plan: Plan, out: Path) -> None:
    """The Parquet files of the contract, rows in their stated order."""
    indicators = "".join(f", {quote_name(c)}" for c in program.indicator_columns)
    tables = dict(TABLES)
    tables["signals"] = (f"symbol, ts, direction, status, reason, trade_id{indicators}", "ts, symbol, direction")
    if any(step.ledger for step in plan.steps):
        tables["ledger"] = ("combo_id, cand, status, quantity", "combo_id, cand")
    if not any(part for part in program.combo_scales):
        del tables["legs"]
    for name, (columns, order) in tables.items():
        source = "trade_legs" if name == "legs" else name
        target = quote_text(out / f"{name}.parquet")
        sql = f"copy (select {columns} from {source} order by {order}) to {target} (format parquet, compression zstd)"
        session.execute(Step(f"write {name}", (sql,)))


def _write_rest(prepared: Prepared, out: Path, counts: tuple[int, int], timings: dict[str, float]) -> None:
    file = prepared.file
    strategy = file.strategy
    title = f"{strategy.name}: {strategy.description}".rstrip(": ")
    (out / "run.sql").write_text(write_script(prepared.plan, title, duckbt.__version__), encoding="utf-8")
    (out / "strategy.toml").write_text(file.text, encoding="utf-8")
    own = Library(file.indicators_folder).own
    for path in own.values():
        (out / "indicators").mkdir(exist_ok=True)
        shutil.copyfile(path, out / "indicators" / path.name)
    report = {
        "candle_count": prepared.source.bars,
        "signal_count": counts[0],
        "trade_count": counts[1],
        "timings": {name: round(seconds, 6) for name, seconds in timings.items()},
    }
    (out / "report.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    manifest = RunManifest(
        run_id=prepared.run_id,
        name=strategy.name,
        description=strategy.description,
        timeframe=strategy.timeframe,
        parameters=prepared.parameters,
        selection=prepared.selection,
        datasets=datasets_used(prepared.datasets),
        strategy_sha256=file.fingerprint(),
        engine=duckbt.__version__,
        sql_sha256=sql_fingerprint(),
        indicators=indicators_used(prepared.program),
        indicator_names=prepared.program.indicator_names,
        outputs={p.name: sha256_of(p) for p in sorted(out.iterdir()) if p.is_file() and p.name != "report.json"},
        created_at=datetime.now(UTC).replace(tzinfo=None, microsecond=0),
        tool_version=duckbt.__version__,
    )
    (out / "manifest.json").write_text(manifest.model_dump_json(indent=1), encoding="utf-8")


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

    @cached_property
    def report_json(self) -> dict[str, Any]:
        """Its performance report."""
        report: dict[str, Any] = json.loads((self.path / "report.json").read_text(encoding="utf-8"))
        return report

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
    progress: Progress | None = None,
) -> Run:
    """Run a strategy on the lake and return the published run.

    ``symbols``: empty means all that can serve the strategy's timeframe. ``first`` inclusive, ``last`` exclusive, UTC;
    ISO text such as ``"2024-01-31"`` will do. ``settings``: threads, memory limit, force.
    Raises StrategyError, DataError, UsageError, ResourceError.
    """
    return run_backtest(prepare(strategy, lake, symbols, params, first, last, warmup), results, settings, progress)


def scan_bars(prepared: Prepared, out: Path, settings: Settings | None = None) -> int:
    """Write every bar with all declared indicators and signal flags to Parquet; returns the number of bars."""
    settings = settings or Settings()
    with TemporaryDirectory(prefix=".scan-", dir=out.resolve().parent) as scratch:
        return scan_to(prepared.program, prepared.source, out, Path(scratch), settings.threads, settings.memory_limit)
