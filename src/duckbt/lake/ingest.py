"""Raw files → lake: read, judge every row, sort, drop repeats, merge, audit, publish. All of it set-based SQL.

Nothing is visible before it is whole: Parquet is written aside and renamed in; the manifest, replaced last and at
once, is what makes it count. A crash before that leaves the lake as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import duckdb

from duckbt.errors import DataError, UsageError
from duckbt.lake.clock import Clock, parse_clock
from duckbt.lake.datasets import Made, Rules, Source, make_datasets
from duckbt.lake.dialects import Dialect, dialect_named, dialects
from duckbt.lake.generic import NAMES, Given, check_columns
from duckbt.lake.manifest import Manifest, SourceFile, sha256_of
from duckbt.lake.merge import Change
from duckbt.lake.names import expand, names_in
from duckbt.lake.prepare import Readable, readable
from duckbt.lake.publishing import publish, writing
from duckbt.lake.reading import Format, RawFile, find_format
from duckbt.lake.staging import Stager
from duckbt.lake.store import Dataset, Lake
from duckbt.lake.timeframe import Timeframe

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Options:
    """How files are to be read. ``columns``: role or extra → column name; ``prefer``: who wins where bars differ."""

    symbol: str | None = None
    timeframe: Timeframe | None = None
    format: str = "auto"
    timezone: str | None = None
    time_format: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    strict: bool = False
    prefer: str | None = None
    memory_limit: str | None = None

    def settings(self) -> dict[str, str]:
        """What was said about the files, for the manifest."""
        said = {"symbol": self.symbol, "timeframe": self.timeframe and str(self.timeframe), "time_format": self.time_format}
        return {k: v for k, v in said.items() if v} | {f"column {k}": v for k, v in sorted(self.columns.items())}


@dataclass
class FileReport:
    """What became of one raw file. ``state``: read, or known (in the lake already)."""

    name: str
    state: str
    dialect: str = ""
    clock: str = ""
    symbols: list[str] = field(default_factory=list)
    timeframe: str = ""
    rows: int = 0
    kept: int = 0
    duplicates: int = 0
    rejected: int = 0


@dataclass
class Report:
    """What an ingest did: per dataset its manifest and change, per file what was read, and what failed."""

    datasets: list[tuple[Manifest, Change]] = field(default_factory=list)
    files: list[FileReport] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class _Found:
    """A raw file that was identified."""

    raw: RawFile
    path: Path
    timeframe: Timeframe | None

    def entry(self, options: Options, digest: str = "") -> SourceFile:
        """For the manifest; its counts are still open."""
        return SourceFile(
            name=self.raw.file.name, path=str(self.path.resolve()), sha256=digest, bytes=self.path.stat().st_size,
            dialect=self.raw.form.dialect.name, clock=self.raw.clock.text, settings=options.settings(), rows=0,
        )  # fmt: skip


class _Intake:
    """Identifies files, skips those the lake has, and stages the others."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, lake: Lake, scratch: Path, options: Options, hashing: ThreadPoolExecutor
    ) -> None:
        self.connection, self.scratch, self.options, self.hashing = connection, scratch, options, hashing
        self.known: dict[str, Dialect] = dialects(lake.dialects)
        if options.format != "auto":
            dialect_named(options.format, self.known)
        self.clock = parse_clock(options.timezone) if options.timezone else None
        self.given = Given(options.columns, options.time_format)
        self.stager = Stager(connection, scratch, options.strict)
        self.found: dict[int, _Found] = {}
        self.skipped: list[FileReport] = []
        self.failed: list[tuple[str, str]] = []
        self._digests: dict[Path, Future[str]] = {}
        self.sources: dict[int, list[tuple[Dataset, SourceFile]]] = {}  # by size, all raw files the lake was made of
        for dataset in lake.datasets():
            for source in dataset.manifest.sources:
                self.sources.setdefault(source.bytes, []).append((dataset, source))

    def take(self, path: Path) -> None:
        """One file, or all files of an archive. Raises DataError for what cannot be used."""
        for file in readable(path, self.scratch):
            try:
                self._one(path, file)
            except DataError as error:
                file.discard()
                if self.options.strict:
                    raise
                self.failed.append((file.name, str(error)))

    def _one(self, path: Path, file: Readable) -> None:
        options = self.options
        form = find_format(self.connection, file, options.format, self.given, self.known)
        told = str(path) if path.name == file.name else file.name
        symbol, timeframe = names_in(told, form.dialect.file_name)
        symbol, timeframe = options.symbol or symbol, options.timeframe or timeframe
        if symbol is None and not form.own_symbols:
            raise DataError(f"{file.name}: the symbol cannot be told from the name; give it with --symbol")
        if form.own_symbols and options.symbol:
            raise DataError(f"{file.name} has a symbol column; --symbol would hide it. Leave --symbol out.")
        raw = RawFile(len(self.found), file, form, None if form.own_symbols else symbol, self._clock_of(file, form))
        found = _Found(raw, path, timeframe)
        if options.prefer is None and self._is_known(found):
            self.skipped.append(
                FileReport(file.name, "known", form.dialect.name, raw.clock.text, [symbol] if symbol else [])
            )
            file.discard()
            return
        self.found[raw.number] = found
        self.stager.take(raw)

    def digest(self, path: Path) -> str:
        """sha256 of a raw file; waits for it."""
        self._hash(path)
        return self._digests[path].result()

    def _hash(self, path: Path) -> None:
        if path not in self._digests:
            self._digests[path] = self.hashing.submit(sha256_of, path)

    def finish(self) -> None:
        """Stage what waits, and begin to hash while rows are checked, which leaves a core free."""
        self.stager.finish()
        for found in self.found.values():
            self._hash(found.path)

    def _clock_of(self, file: Readable, form: Format) -> Clock:
        zoned = form.roles is not None and form.roles.moments.kind == "zoned"
        if zoned and self.clock and self.clock.text != "UTC":
            raise DataError(
                f"{file.name}: its times carry their own offset; --timezone would shift them again. Leave it out."
            )
        return self.clock or parse_clock(form.dialect.clock)

    def _is_known(self, found: _Found) -> bool:
        """Whether every dataset that got rows of this file still lists it, read the same way.

        A file with the same bytes that is named for another symbol or timeframe is another file.
        """
        raw, alike = found.raw, []
        for dataset, source in self.sources.get(found.path.stat().st_size, []):
            other = raw.symbol not in (None, dataset.symbol) or found.timeframe not in (None, dataset.timeframe)
            if source.dialect == raw.form.dialect.name and not other:
                alike.append(source)
        if not alike:
            return False
        mine = found.entry(self.options, self.digest(found.path))
        same = [s for s in alike if s.same_reading(mine)]
        return bool(same) and len(same) >= same[0].symbols


def ingest(
    paths: Sequence[str | Path], lake: Lake, options: Options | None = None, progress: Progress | None = None
) -> Report:
    """Read files into the lake. Raises DataError, leaving the lake as it was, when nothing could be read.

    Files that cannot be read, and datasets that cannot take the new bars, are listed in the report; with ``strict``
    they stop everything, as does any row that would be dropped or sorted or whose prices contradict each other.
    """
    options = options or Options()
    check_columns(options.columns)
    if options.prefer not in (None, "old", "new"):
        raise UsageError(f"--prefer {options.prefer}: write old or new")
    files = expand(paths)
    with writing(lake, options.memory_limit) as (scratch, connection), ThreadPoolExecutor(1) as hashing:
        intake = _Intake(connection, lake, scratch, options, hashing)
        for number, path in enumerate(files):
            if progress:
                progress(path.name, 0.8 * number / len(files))
            try:
                intake.take(path)
            except DataError as error:
                if options.strict or len(files) == 1:
                    raise
                intake.failed.append((str(path), str(error)))
        intake.finish()
        return _finish(connection, lake, scratch, intake, progress)


def _finish(
    connection: duckdb.DuckDBPyConnection, lake: Lake, scratch: Path, intake: _Intake, progress: Progress | None
) -> Report:
    options = intake.options
    report = Report(files=list(intake.skipped), failed=list(intake.failed))
    report.failed += [(intake.found[n].raw.file.name, error) for n, error in sorted(intake.stager.failed.items())]
    if intake.stager.parts:
        if progress:
            progress("sorting and checking", 0.8)
        staged = [n for part in intake.stager.parts for n in part.sources]
        found = {n: intake.found[n] for n in staged}
        sources = {n: Source(f.timeframe, f.entry(options), partial(intake.digest, f.path)) for n, f in found.items()}
        extras = sorted(name for name in options.columns if name not in NAMES)
        rules = Rules(extras, options.strict, options.prefer)
        made = make_datasets(connection, lake, scratch, intake.stager, sources, rules)
        report.failed += made.failed
        report.files += [_file_report(n, sources[n], made) for n in sorted(sources) if n in made.accounts.places]
        report.datasets = [(d.manifest, change) for d, change in made.unchanged]
        if progress:
            progress("publishing", 0.95)
        published = publish(lake, scratch, [draft for draft, _ in made.changed])
        report.datasets += [(d.manifest, change) for d, (_, change) in zip(published, made.changed, strict=True)]
        report.datasets.sort(key=lambda pair: (pair[0].symbol, Timeframe(pair[0].timeframe)))
    if report.failed and not report.datasets and not intake.skipped:
        lines = [error if error.startswith(name) else f"{name}: {error}" for name, error in report.failed]
        raise DataError("\n  ".join(["nothing could be read:", *lines[:20]]) if len(lines) > 1 else lines[0])
    return report


def _file_report(number: int, source: Source, made: Made) -> FileReport:
    accounts, entry = made.accounts, source.entry
    groups = [made.groups[place] for place in sorted(accounts.places.get(number, ()))]
    keys = [(g.place, number) for g in groups]
    rows = sum(accounts.rows(k) for k in keys)
    duplicates = sum(accounts.duplicates[k].removed for k in keys if k in accounts.duplicates)
    rejected = sum(accounts.rejected[k].rows for k in keys if k in accounts.rejected)
    return FileReport(
        entry.name, "read", entry.dialect, entry.clock, [g.symbol for g in groups],
        ", ".join(sorted({str(g.timeframe) for g in groups})), rows, rows - duplicates - rejected, duplicates, rejected,
    )  # fmt: skip
