"""Computing a run into a folder that nobody sees yet: the engine's work, the tables, the evidence."""

from __future__ import annotations

import itertools
import logging
import shutil
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import reduce
from operator import add
from pathlib import Path

import duckbt
from duckbt.compiler.library import Library
from duckbt.engine.allocations import Allocations, counted
from duckbt.engine.lifetimes import last_uses
from duckbt.engine.progress import Listener, Meter
from duckbt.engine.script import write_script
from duckbt.engine.session import Session
from duckbt.engine.step import Step, stage
from duckbt.lake.manifest import Duplicates, sha256_of
from duckbt.results.environment import environment
from duckbt.results.folder import TABLES
from duckbt.results.manifest import RunManifest, datasets_used, indicators_used
from duckbt.results.performance import SCAN, SIMULATION, PerformanceReport, seconds_of, write_report
from duckbt.results.prepared import Prepared, Settings
from duckbt.sqlfiles import quote_name, quote_text, sql_fingerprint

log = logging.getLogger(__name__)


def compute(prepared: Prepared, folder: Path, final: Path, settings: Settings, listener: Listener | None = None) -> Path:
    """Everything of a run, in ``folder``/run; ``final`` is where it will stand. Raises as Session does."""
    begin = time.perf_counter()
    out = folder / "run"
    out.mkdir()
    log.info("run %s: %s over %s bars", prepared.run_id, prepared.file.strategy.name, prepared.source.bars)
    with Session(folder, prepared.source.files, settings.pinned_threads, settings.memory_limit) as session:
        if listener:
            session.meter = Meter(prepared.estimate.weights(), prepared.source.bars, listener)
        written = _writing(prepared, out)
        allocations = _run(session, prepared, written, settings.profile_allocations)
        session.check(prepared.plan.checks)
        for step in written:
            session.execute(step)
        _write_rest(prepared, out)
        if session.meter:
            session.meter.finish()
        session.watch.sample()
        session.timings["total"] = time.perf_counter() - begin
        write_report(out, _report(prepared, session, out, final, settings, allocations))
    log.info("run %s: done in %.3f s", prepared.run_id, session.timings["total"])
    return out


def _run(session: Session, prepared: Prepared, written: Sequence[Step], profile: bool) -> Allocations:
    """All steps of the plan; allocations are counted in those up to the signals. Tables go after their last reader."""
    steps = prepared.plan.steps
    checks = [stage(f"checks/{name}") for name in prepared.plan.checks]
    done = list(zip(steps, last_uses([*steps, *checks, *written]), strict=False))
    scan = list(itertools.takewhile(lambda pair: pair[0].name.startswith(SCAN), done))
    with counted(profile) as allocations:
        _execute(session, scan)
    _execute(session, done[len(scan) :])
    return allocations


def _execute(session: Session, steps: Iterable[tuple[Step, list[str]]]) -> None:
    for step, unused in steps:
        session.execute(step)
        session.drop(unused)


def _writing(prepared: Prepared, out: Path) -> list[Step]:
    """The steps that write the Parquet files of the contract, rows in their stated order."""
    indicators = "".join(f", {quote_name(c)}" for c in prepared.program.indicator_columns)
    contents = dict(TABLES)
    contents["signals"] = (f"symbol, ts, direction, status, reason, trade_id{indicators}", "ts, symbol, direction")
    contents["ledger"] = ("combo_id, cand, status, quantity", "combo_id, cand")
    steps = []
    for name in prepared.tables:
        columns, order = contents[name]
        source = "trade_legs" if name == "legs" else name
        target = quote_text(out / f"{name}.parquet")
        sql = f"copy (select {columns} from {source} order by {order}) to {target} (format parquet, compression zstd)"
        steps.append(Step(f"write {name}", (sql,)))
    return steps


def _write_rest(prepared: Prepared, out: Path) -> None:
    file = prepared.file
    strategy = file.strategy
    title = f"{strategy.name}: {strategy.description}".rstrip(": ")
    (out / "run.sql").write_text(write_script(prepared.plan, title, duckbt.__version__), encoding="utf-8")
    (out / "strategy.toml").write_text(file.text, encoding="utf-8")
    own = Library(file.indicators_folder).own
    for path in own.values():
        (out / "indicators").mkdir(exist_ok=True)
        shutil.copyfile(path, out / "indicators" / path.name)
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


def _report(
    prepared: Prepared, session: Session, out: Path, final: Path, settings: Settings, allocations: Allocations
) -> PerformanceReport:
    """What was measured."""
    timings = {name: round(seconds, 6) for name, seconds in session.timings.items()}
    duplicates: Duplicates = reduce(add, (d.manifest.duplicates for d in prepared.datasets), Duplicates())
    told = session.meter.emissions if session.meter else 0
    watching = session.watch.cpu + (session.meter.cpu if session.meter else 0.0)
    return PerformanceReport(
        run_id=prepared.run_id,
        created_at=datetime.now(UTC).replace(tzinfo=None, microsecond=0),
        candle_count=prepared.source.bars,
        signal_count=session.counts["write signals"],
        trade_count=session.counts["write trades"],
        indicator_names=prepared.program.indicator_names,
        scan_duration_sec=seconds_of(timings, SCAN),
        simulation_duration_sec=seconds_of(timings, SIMULATION),
        total_duration_sec=timings["total"],
        peak_memory_mb=round(session.watch.peak / 1e6, 1),
        estimated_memory_mb=round(prepared.estimate.memory_mb, 1),
        estimated_duration_sec=round(prepared.estimate.seconds, 3),
        progress_emission_count=told,
        progress_overhead_pct=round(100 * watching / timings["total"], 4),
        allocation_count_scan=allocations.count,
        allocation_peak_mb_scan=None if allocations.peak_bytes is None else allocations.peak_bytes / 1e6,
        manifest_path=str(final.resolve() / "manifest.json"),
        manifest_sha256=sha256_of(out / "manifest.json"),
        duplicate_timestamps_removed=duplicates.removed,
        duplicate_first_ts=duplicates.first,
        duplicate_last_ts=duplicates.last,
        deterministic_mode=settings.deterministic,
        environment=environment(session.threads, session.limit),
        timings=timings,
        row_counts=dict(session.counts),
    )
