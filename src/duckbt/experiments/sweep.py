"""Sweeps: many parameter sets, strategies and symbols compared in one experiment, published as one folder."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict

import duckbt
from duckbt.compiler.condition import unshared_parameters
from duckbt.errors import DuckbtError, UsageError
from duckbt.experiments.grid import Method, different, grid_of, parameter_sets
from duckbt.experiments.merge import merge_parts
from duckbt.experiments.runners import LocalRunner, Report, Runner
from duckbt.experiments.store import is_remote, local_lake
from duckbt.experiments.task import Task
from duckbt.lake.manifest import sha256_of
from duckbt.lake.moment import moment
from duckbt.lake.store import Lake
from duckbt.results.catalog import refresh_catalog
from duckbt.results.folder import SWEEPS
from duckbt.results.manifest import DatasetUsed, datasets_used
from duckbt.results.prepared import Settings
from duckbt.sqlfiles import sql_fingerprint
from duckbt.strategy.load import StrategyFile, load_strategy
from duckbt.strategy.model import Parameter

log = logging.getLogger(__name__)
SETS_A_TASK = 1_000


@dataclass(frozen=True)
class Simulation:
    """One row of a sweep: a strategy with parameters on symbols traded together."""

    combo_id: int
    strategy: int
    symbols: tuple[str, ...]
    parameters: dict[str, Parameter]


class SweepManifest(BaseModel):
    """``manifest.json`` of a sweep folder."""

    model_config = ConfigDict(extra="forbid")
    version: Literal[1] = 1
    sweep_id: str
    strategies: dict[str, str]  # name → sha256
    strategy_files: list[str]
    grid: dict[str, list[Parameter]]
    where: str | None
    method: str
    seed: int
    symbols: list[list[str]]
    first: datetime | None
    last: datetime | None
    warmup: int
    lake: str
    datasets: list[DatasetUsed]
    combos: int
    varied: list[str]
    columns: dict[str, str]  # parameter → its column, where a metric has that name too
    failed: int
    tasks: list[dict[str, Any]]
    keep_trades: str
    outputs: dict[str, str]
    seconds: float
    engine: str
    sql_sha256: str
    created_at: datetime


@dataclass(frozen=True)
class SweepPlan:
    """A sweep before it runs."""

    files: list[StrategyFile]
    lake: Lake
    simulations: list[Simulation]
    grid: dict[str, list[Parameter]]
    where: str | None
    method: Method
    seed: int
    first: datetime | None
    last: datetime | None
    warmup: int
    datasets: list[DatasetUsed]
    lake_uri: str  # where workers find the lake

    @property
    def sweep_id(self) -> str:
        """Content-addressed id: equal sweeps have equal ids, whatever runs them."""
        parts = {
            "strategies": [f.fingerprint() for f in self.files],
            "simulations": [[s.strategy, s.symbols, s.parameters] for s in self.simulations],
            "range": [self.first, self.last, self.warmup],
            "data": [d.digest for d in self.datasets],
            "engine": duckbt.__version__,
            "sql": sql_fingerprint(),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]

    def tasks(self, size: int = SETS_A_TASK, keep_trades: bool = False) -> list[Task]:
        """Units of work: sets that one scan can serve, at most ``size`` at a time."""
        groups: dict[tuple[Any, ...], list[Simulation]] = {}
        for simulation in self.simulations:
            apart = sorted(unshared_parameters(self.files[simulation.strategy].strategy))
            values = tuple(repr(simulation.parameters[name]) for name in apart)
            groups.setdefault((simulation.strategy, simulation.symbols, values), []).append(simulation)
        tasks: list[Task] = []
        for (strategy, symbols, _), members in groups.items():
            file = self.files[strategy]
            for begin in range(0, len(members), size):
                sets = tuple((s.combo_id, s.parameters) for s in members[begin : begin + size])
                tasks.append(
                    Task(len(tasks), str(file.path.resolve()), file.text, self.lake_uri, symbols, sets,
                         self.first, self.last, self.warmup, keep_trades)
                )  # fmt: skip
        return tasks

    def shared(self) -> dict[str, int]:
        """What ``--dry-run`` tells: how much work there is and how much of it is shared."""
        from duckbt.results.prepared import assemble

        told = {"combinations": len(self.simulations), "scans": 0, "signal_sets": 0, "levels": 0, "scan_columns": 0}
        for task in self.tasks():
            program, *_ = assemble(
                task.file, task.lake, task.symbols, [p for _, p in task.sets], self.first, self.last, self.warmup,
                keep_indicators=False,
            )  # fmt: skip
            told["scans"] += 1
            told["signal_sets"] += len({c.signal_set for c in program.combos})
            told["levels"] += len(program.levels)
            told["scan_columns"] += len(program.outputs)
        return told


def plan_sweep(
    strategies: Sequence[StrategyFile | Path | str] | StrategyFile | Path | str,
    lake: Lake | Path | str = "lake",
    grid: Mapping[str, Any] | None = None,
    *,
    where: str | None = None,
    symbols: Sequence[str] | str = (),
    by_symbol: bool = False,
    params: Mapping[str, Any] | None = None,
    first: datetime | date | str | None = None,
    last: datetime | date | str | None = None,
    warmup: int = 0,
    method: Method = "grid",
    samples: int | None = None,
    seed: int = 0,
    sets: Sequence[dict[str, Parameter]] | None = None,
) -> SweepPlan:
    """Put a sweep together. ``by_symbol``: every symbol is traded alone, else all together as in a run.

    ``sets`` gives the parameter sets outright. Raises StrategyError, DataError or UsageError before anything runs.
    """
    listed = [strategies] if isinstance(strategies, StrategyFile | Path | str) else list(strategies)
    files = [f if isinstance(f, StrategyFile) else load_strategy(f) for f in listed]
    wanted = [symbols] if isinstance(symbols, str) else list(symbols)
    uri = str(lake.root if isinstance(lake, Lake) else lake)
    lake = Lake(local_lake(uri, wanted))
    uri = uri if is_remote(uri) else str(lake.root.resolve())
    simulations: list[Simulation] = []
    values: dict[str, list[Parameter]] = {}
    used: dict[str, DatasetUsed] = {}
    condition = where
    for number, file in enumerate(files):
        if sets is None:
            own = grid if grid is None or len(files) == 1 else {k: v for k, v in grid.items() if k in file.strategy.params}
            found = grid_of(file, own, where)
            values |= found.values
            condition = found.where
            parameters = parameter_sets(file, found, params, method, samples, seed)
        else:
            parameters = [file.parameters({**(params or {}), **s}) for s in sets]
        datasets = lake.choose(wanted, file.strategy.bar, file.strategy.day)
        used |= {f"{d.symbol} {d.timeframe}": u for d, u in zip(datasets, datasets_used(datasets), strict=True)}
        names = tuple(d.symbol for d in datasets)
        for group in [(n,) for n in names] if by_symbol else [names]:
            simulations += [Simulation(len(simulations) + i, number, group, p) for i, p in enumerate(parameters)]
    return SweepPlan(
        files, lake, simulations, values, condition, method, seed, moment(first, "first"), moment(last, "last"), warmup,
        list(used.values()), uri,
    )  # fmt: skip


def sweep_path(results: Path, sweep_id: str) -> Path:
    """Final place of a sweep."""
    return results / SWEEPS / sweep_id


def run_sweep(
    plan: SweepPlan,
    results: Path | str = "results",
    settings: Settings | None = None,
    *,
    runner: Runner | None = None,
    resume: bool = False,
    keep_trades: str = "none",
    by: str = "sharpe",
    report: Callable[[Report], None] | None = None,
) -> Path:
    """Run all tasks and publish the sweep's folder; one that is there already is kept unless ``settings.force``.

    ``keep_trades``: none, all, or best:N by the metric ``by``. ``resume``: tasks that an earlier attempt finished are not
    computed again. A set or task that fails is recorded with its error; the others go on. Returns the folder.
    """
    results, settings, runner = Path(results), settings or Settings(), runner or LocalRunner()
    kept = _kept(keep_trades)
    final = sweep_path(results, plan.sweep_id if kept == 0 else f"{plan.sweep_id}-{keep_trades.replace(':', '')}")
    if (final / "manifest.json").is_file() and not settings.force:
        return final
    final.parent.mkdir(parents=True, exist_ok=True)
    work = final.parent / f".work-{final.name}"
    begin = time.perf_counter()
    try:
        with FileLock(f"{work}.lock", timeout=0):
            if not resume:
                shutil.rmtree(work, ignore_errors=True)
            work.mkdir(exist_ok=True)
            tasks = plan.tasks(runner.task_size(len(plan.simulations)), keep_trades=kept is None)
            told = runner.run(tasks, work, settings, report)
            combos, columns = merge_parts(plan, tasks, work, {t.number: t.error for t in told if t.error})
            if kept:
                chosen = replace(plan, simulations=_best(plan, combos, by, kept))
                second = [replace(t, number=len(tasks) + i) for i, t in enumerate(chosen.tasks(keep_trades=True))]
                told += runner.run(second, work, settings, report)
                tasks += second
            _write(plan, final, work, tasks, combos, columns, told, keep_trades, time.perf_counter() - begin)
    except Timeout:
        raise UsageError(f"this very sweep is running in another process (its work is in {work})") from None
    finally:
        Path(f"{work}.lock").unlink(missing_ok=True)
    refresh_catalog(results, combos.column_names)
    return final


def _kept(text: str) -> int | None:
    """How many of the best sets keep their trades; None: all."""
    if text == "all":
        return None
    if text == "none":
        return 0
    count = text.removeprefix("best:")
    if not text.startswith("best:") or not count.isdigit() or int(count) < 1:
        raise UsageError(f"--keep-trades {text}: write none, all or best:N")
    return int(count)


def _best(plan: SweepPlan, combos: pa.Table, by: str, count: int) -> list[Simulation]:
    if by not in combos.column_names:
        raise UsageError(f"no metric {by!r} to choose the best by")
    rows = zip(combos["combo_id"].to_pylist(), combos[by].to_pylist(), strict=True)
    ranked = sorted(((v, -n) for n, v in rows if v is not None), reverse=True)[:count]
    return [plan.simulations[-n] for _, n in ranked]


def _write(
    plan: SweepPlan, final: Path, work: Path, tasks: list[Task], combos: pa.Table, columns: dict[str, str],
    told: list[Report], keep_trades: str, seconds: float,
) -> None:  # fmt: skip
    out = work / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    pq.write_table(combos, out / "combos.parquet", compression="zstd")
    trades = [part for t in tasks if t.keep_trades and (part := work / t.parts["trades"]).is_file()]
    if trades:
        table = pa.concat_tables([pq.ParquetFile(t).read() for t in trades])
        pq.write_table(table.sort_by([("combo_id", "ascending"), ("trade_id", "ascending")]), out / "trades.parquet",
                       compression="zstd")  # fmt: skip
    for number, file in enumerate(plan.files):
        name = "strategy.toml" if len(plan.files) == 1 else f"strategy-{number}.toml"
        (out / name).write_text(file.text, encoding="utf-8")
    failed = sum(s != "done" for s in combos["status"].to_pylist())
    manifest = SweepManifest(
        sweep_id=final.name, strategies={f.strategy.name: f.fingerprint() for f in plan.files},
        strategy_files=[str(f.path.resolve()) for f in plan.files], grid=plan.grid, where=plan.where, method=plan.method,
        seed=plan.seed, symbols=[list(s) for s in dict.fromkeys(s.symbols for s in plan.simulations)], first=plan.first,
        last=plan.last, warmup=plan.warmup, lake=plan.lake_uri, datasets=plan.datasets, combos=combos.num_rows,
        varied=different([s.parameters for s in plan.simulations]), columns=columns, failed=failed,
        tasks=[r.row() for r in told], keep_trades=keep_trades,
        outputs={p.name: sha256_of(p) for p in sorted(out.iterdir())}, seconds=round(seconds, 3),
        engine=duckbt.__version__, sql_sha256=sql_fingerprint(),
        created_at=datetime.now(UTC).replace(tzinfo=None, microsecond=0),
    )  # fmt: skip
    (out / "manifest.json").write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
    if failed == combos.num_rows:
        raise DuckbtError("; ".join(dict.fromkeys(e for e in combos["error"].to_pylist() if e)))
    shutil.rmtree(final, ignore_errors=True)
    out.rename(final)
    shutil.rmtree(work, ignore_errors=True)
