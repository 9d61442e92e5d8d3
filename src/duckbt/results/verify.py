"""Proving a run: its files are those on record, and computing it again gives the same bytes."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb

import duckbt
from duckbt.engine.progress import Listener
from duckbt.errors import DataError
from duckbt.lake.manifest import sha256_of
from duckbt.lake.store import Lake
from duckbt.results.computing import compute
from duckbt.results.folder import read_run_manifest, staging
from duckbt.results.performance import Equivalence, read_report, write_report
from duckbt.results.prepared import Prepared, Settings, prepare
from duckbt.results.provenance import Link, chain
from duckbt.sqlfiles import connect, quote_text
from duckbt.strategy.load import load_strategy

log = logging.getLogger(__name__)


@dataclass
class Verification:
    """What a verification found. ``tables``: rows of every table that was compared; ``differences``: empty when equal."""

    run: Path
    against: str
    links: list[Link] = field(default_factory=list)
    tables: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    pnl_tolerance: float | None = None

    @property
    def equal(self) -> bool:
        """Whether all that was compared is the same."""
        return not self.differences


def prepare_again(run: Path, lake: Path | None = None) -> Prepared:
    """A published run as it would be computed now, from its own folder. Raises DataError when its bars are gone."""
    manifest = read_run_manifest(run)
    if lake is None:
        known = next((d.manifest for d in manifest.datasets if d.manifest), None)
        if known is None or not Path(known).is_file():
            raise DataError(f"the lake of run {manifest.run_id} is not at {known}; say where it is: --lake FOLDER")
        lake = Path(known).parents[2]
    s = manifest.selection
    file = load_strategy(run / "strategy.toml")
    prepared = prepare(file, Lake(lake), s.symbols, manifest.parameters, s.first, s.last, s.warmup)
    then = {(d.symbol, d.timeframe): d.digest for d in manifest.datasets}
    for dataset in prepared.datasets:
        if then.get((dataset.symbol, str(dataset.timeframe))) != dataset.manifest.digest():
            raise DataError(
                f"the bars of {dataset.symbol} {dataset.timeframe} in {lake} are not those that run {manifest.run_id} was "
                f"made from: {dataset.folder} has changed; restore them, or name another lake with --lake"
            )
    return prepared


def verify(
    run: Path, lake: Path | None = None, settings: Settings | None = None, progress: Listener | None = None
) -> Verification:
    """Check every file on record, compute the run again beside it, compare bytes, and note the outcome in its report.

    Raises DataError, naming the files, when one that the run needs has changed or is missing.
    """
    manifest = read_run_manifest(run)
    links = chain(run)
    broken = [str(link) for link in links if link.broken]
    if broken and (lake is None or any(link.broken and link.kind == "run" for link in links)):
        note_outcome(run, None)
        raise DataError(f"run {manifest.run_id} no longer hangs together:\n  " + "\n  ".join(broken))
    prepared = prepare_again(run, lake)
    against = f"recomputed by duckbt {duckbt.__version__} on DuckDB {duckdb.__version__}"
    found = Verification(run, against, links)
    with staging(run.resolve().parents[1]) as folder:
        again = compute(prepared, folder, run, settings or Settings(), progress)
        for name, recorded in manifest.outputs.items():
            if name.endswith(".parquet"):
                _same_table(found, name, again, recorded)
    if prepared.run_id != manifest.run_id:
        log.warning("run %s was made by another engine or data; it would be run %s now", manifest.run_id, prepared.run_id)
    note_outcome(run, found)
    return found


def _same_table(found: Verification, name: str, again: Path, recorded: str) -> None:
    """Bytes decide; where they differ, rows do: another DuckDB may write the same rows in other bytes."""
    table = name.removesuffix(".parquet")
    made = again / name
    if not made.is_file():
        found.differences.append(f"{table} is not made any more")
        return
    old, new = (f"read_parquet({quote_text(p)}, hive_partitioning = false)" for p in (found.run / name, made))
    with connect() as connection:
        (rows,) = connection.execute(f"select count(*) from {old}").fetchall()[0]
        found.tables[table] = rows
        if sha256_of(made) == recorded:
            return
        (now,) = connection.execute(f"select count(*) from {new}").fetchall()[0]
        try:
            missing, extra = (
                connection.execute(f"select count(*) from (from {a} except all from {b})").fetchall()[0][0]
                for a, b in ((old, new), (new, old))
            )
        except duckdb.BinderException:
            found.differences.append(f"{table}: its columns are others now")
            return
    if missing or extra:
        found.differences.append(f"{table}: {rows} rows then, {now} now; {missing} of the old are gone, {extra} are new")
    else:
        found.against += f"; {table} has the same rows in other bytes"


def note_outcome(run: Path, found: Verification | None) -> None:
    """The outcome, in the run's report."""
    report = read_report(run)
    report.equivalence_verified = found is not None and found.equal
    report.equivalence = None
    if found is not None and found.equal:
        moment = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
        report.equivalence = Equivalence(
            against=found.against, tables=found.tables, pnl_tolerance=found.pnl_tolerance, verified_at=moment
        )
    write_report(run, report)
