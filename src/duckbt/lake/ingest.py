"""Raw files → lake: read, judge every row, sort, drop repeats, write Parquet and manifest. All of it set-based SQL.

Nothing is visible before it is whole: Parquet is written beside the lake and renamed in; the manifest, replaced
last and at once, is what makes it count. A crash before that leaves the lake as it was.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import duckdb
from filelock import FileLock

import duckbt
from duckbt.errors import DataError, DuckbtError, UsageError
from duckbt.lake.clock import parse_clock
from duckbt.lake.dialects import names_in
from duckbt.lake.manifest import (
    MANIFEST,
    DataFile,
    Duplicates,
    Gaps,
    Manifest,
    Rejected,
    SourceFile,
    schema_fingerprint,
    sha256_of,
    write_json,
)
from duckbt.lake.merge import Change, merge
from duckbt.lake.prepare import readable
from duckbt.lake.reading import RAW_ROWS, find_format, load
from duckbt.lake.store import Lake
from duckbt.lake.timeframe import Timeframe
from duckbt.sqlfiles import connect, quote_text, render

Progress = Callable[[str, float], None]
SAMPLES = 5
COLUMNS_SQL = "symbol, ts, open, high, low, close, volume"


@dataclass(frozen=True)
class Options:
    """How files are to be read. ``columns``: role → column name; ``prefer``: who wins where bars differ."""

    symbol: str | None = None
    timeframe: Timeframe | None = None
    format: str = "auto"
    timezone: str | None = None
    strict: bool = False
    columns: dict[str, str] = field(default_factory=dict)
    prefer: str | None = None


@dataclass
class Report:
    """What an ingest did: per dataset its manifest and change, per failed file its error."""

    datasets: list[tuple[Manifest, Change]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class _Loaded:
    """A file's rows are in ``raw_rows`` under ``number``."""

    number: int
    source: SourceFile
    symbol: str | None
    timeframe: Timeframe | None
    clock: str


def expand(paths: Sequence[str | Path]) -> list[Path]:
    """Files named, files matched by globs, and files inside folders. Raises DataError when there are none."""
    found: list[Path] = []
    for given in paths:
        path = Path(given)
        if path.is_dir():
            found += sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
        elif any(c in str(given) for c in "*?[") and not path.exists():
            base = Path(path.anchor) if path.is_absolute() else Path()
            found += sorted(p for p in base.glob(str(path.relative_to(base))) if p.is_file())
        else:
            found.append(path)
    if not found:
        raise DataError(f"no files match {', '.join(map(str, paths))}")
    return list(dict.fromkeys(found))


def ingest(
    paths: Sequence[str | Path], lake: Lake, options: Options | None = None, progress: Progress | None = None
) -> Report:
    """Read files into the lake. Raises DataError, leaving the lake as it was, when nothing could be read.

    Files that cannot be read are listed in the report; with ``strict`` they stop everything, as does any row that
    would be dropped, sorted or kept with broken prices.
    """
    options = options or Options()
    files = expand(paths)
    report = Report()
    with _workshop(lake) as (scratch, connection):
        connection.execute(RAW_ROWS)
        loaded = []
        for number, path in enumerate(files):
            if progress:
                progress(path.name, number / (len(files) + 1))
            try:
                loaded += list(_load(connection, path, number * 1000, scratch, options))
            except (DataError, UsageError) as error:
                if options.strict or isinstance(error, UsageError) or len(files) == 1:
                    raise
                report.failed.append((str(path), str(error)))
        if not loaded:
            raise DataError("no file could be read:\n" + "\n".join(f"  {n}: {e}" for n, e in report.failed))
        connection.execute(render("00_ingest/judged.sql"))
        connection.execute(render("00_ingest/states.sql"))
        _store(connection, lake, scratch, loaded, options, report, progress)
    return report


@contextmanager
def _workshop(lake: Lake) -> Iterator[tuple[Path, duckdb.DuckDBPyConnection]]:
    """A scratch folder beside the datasets with a DuckDB file in it; one writer at a time; removed in any case."""
    lake.root.mkdir(parents=True, exist_ok=True)
    with FileLock(lake.root / ".lock"):
        for left in lake.root.glob(".staging-*"):
            shutil.rmtree(left, ignore_errors=True)
        scratch = Path(mkdtemp(prefix=".staging-", dir=lake.root.resolve()))
        connection = connect(scratch / "work.duckdb")
        try:
            connection.execute(f"set temp_directory = {quote_text(scratch / 'spill')}")
            yield scratch, connection
        finally:
            connection.close()
            shutil.rmtree(scratch, ignore_errors=True)


def _load(
    connection: duckdb.DuckDBPyConnection, path: Path, number: int, scratch: Path, options: Options
) -> Iterator[_Loaded]:
    digest = sha256_of(path) if path.is_file() else ""
    for member, file in enumerate(readable(path, scratch)):
        form = find_format(connection, file, options.format, options.columns)
        symbol, timeframe = names_in(form.dialect, file.name)
        symbol, timeframe = options.symbol or symbol, options.timeframe or timeframe
        own_symbols = form.roles is not None and bool(form.roles.columns["symbol"])
        if symbol is None and not own_symbols:
            raise DataError(f"{file.name}: the symbol cannot be told from the name; give it with --symbol")
        if own_symbols and options.symbol:
            raise UsageError(f"{file.name} has a symbol column; --symbol would hide it. Leave --symbol out.")
        rows = load(connection, file, number + member, form, symbol)
        clock = parse_clock(options.timezone or form.dialect.clock)
        if not clock.is_utc:
            if clock.zone == "UTC":
                connection.execute(f"update raw_rows set ts = ts - to_seconds({clock.shift}) where file = {number + member}")
            else:
                connection.execute(
                    render("00_ingest/clock.sql.j2", zone=clock.zone, shift=clock.shift, file=number + member)
                )
        source = SourceFile(name=file.name, sha256=digest, bytes=path.stat().st_size, dialect=form.dialect.name, rows=rows)
        yield _Loaded(number + member, source, symbol, timeframe, clock.text)


def _store(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    scratch: Path,
    loaded: list[_Loaded],
    options: Options,
    report: Report,
    progress: Progress | None,
) -> None:
    states = connection.execute("select * from states").fetchall()
    rejected = _rejected(connection)
    if not states:
        reasons = {r: n for per in rejected.values() for r, n in per.reasons.items()}
        raise DataError(f"no row is a bar: {_counts(reasons)}\n{_samples(rejected)}".rstrip())
    if options.strict and rejected:
        reasons = {r: n for per in rejected.values() for r, n in per.reasons.items()}
        raise DataError(f"--strict: rows would be rejected: {_counts(reasons)}\n{_samples(rejected)}".rstrip())
    messy = [s[0] for s in states if s[2] or s[3] or s[4] > 1]
    connection.execute(render("00_ingest/kept.sql.j2", symbols=messy))
    files_of = _files_of(connection)
    written: list[tuple[Path, Path, Manifest, list[Path]]] = []
    for number, (symbol, _rows, backward, _, _, _, _) in enumerate(states):
        if progress:
            progress(f"writing {symbol}", (number + 1) / (len(states) + 1))
        sources = [entry for entry in loaded if entry.number in files_of[symbol]]
        timeframe = next((e.timeframe for e in sources if e.timeframe), None) or _measured(connection, symbol)
        duplicates = _duplicates(connection, symbol) if symbol in messy else Duplicates()
        if options.strict and (backward or duplicates.removed):
            raise DataError(f"--strict: {symbol} has {backward} backward steps and {duplicates.removed} repeated timestamps")
        target = scratch / f"out-{number}.parquet"
        if symbol in messy:
            query = f"select {COLUMNS_SQL} from kept where symbol = {quote_text(symbol)} and place = 1"
        else:
            query = f"select {COLUMNS_SQL} from judged where reason is null and symbol = {quote_text(symbol)}"
        connection.execute(f"copy ({query}) to {quote_text(target)} (format parquet, compression zstd)")
        dataset = lake.find(symbol, timeframe)
        change, outputs, removed = merge(connection, scratch, dataset, target, number, options.prefer)
        manifest = _manifest(
            connection, lake, symbol, timeframe, outputs, sources, duplicates, rejected.get(symbol, Rejected()), backward
        )
        if options.strict and manifest.ohlc_violations:
            raise DataError(f"--strict: {symbol} has {manifest.ohlc_violations} bars whose prices lie outside low..high")
        if dataset is not None:
            manifest = _continued(manifest, dataset.manifest)
        written.append((target, lake.folder(symbol, timeframe), manifest, removed))
        report.datasets.append((manifest, change))
    for _, folder, manifest, removed in written:
        _publish(folder, manifest, removed)


def _publish(folder: Path, manifest: Manifest, removed: list[Path]) -> None:
    """Move new Parquet files in, then switch the manifest, then clear away what it no longer names."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in manifest.files:
        path = Path(file.path)
        if path.is_absolute() and path.parent.name.startswith(".staging-"):
            file.path = f"bars-{file.sha256[:12]}.parquet"
            os.replace(path, folder / file.path)
            state = (folder / file.path).stat()
            file.modified_ns = state.st_mtime_ns
    write_json(folder / MANIFEST, manifest.model_dump_json(indent=1))
    for path in removed:
        if path.name not in {f.path for f in manifest.files}:
            path.unlink(missing_ok=True)


def _manifest(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    symbol: str,
    timeframe: Timeframe,
    outputs: list[Path],
    sources: list[_Loaded],
    duplicates: Duplicates,
    rejected: Rejected,
    backward: int,
) -> Manifest:
    facts = connection.execute(
        render("00_ingest/facts.sql.j2", files=[str(p) for p in outputs], seconds=timeframe.seconds)
    ).fetchall()[0]
    rows, first, last, violations, gaps, largest, after, disorder = facts
    if disorder:
        raise DuckbtError(f"{symbol}: {disorder} bars came out unsorted; please report this")
    files = []
    for path in outputs:
        known = connection.execute(f"select count(*), min(ts), max(ts) from read_parquet({quote_text(path)})").fetchall()[0]
        state = path.stat()
        inside = path.parent == lake.folder(symbol, timeframe).resolve()
        files.append(
            DataFile(path=path.name if inside else str(path), sha256=sha256_of(path), bytes=state.st_size,
                     modified_ns=state.st_mtime_ns, rows=known[0], first_ts=known[1], last_ts=known[2])
        )  # fmt: skip
    columns: list[tuple[str, str]] = [
        (r[0], r[1]) for r in connection.execute(f"describe from read_parquet({quote_text(outputs[0])})").fetchall()
    ]
    return Manifest(
        symbol=symbol, timeframe=str(timeframe), sources=[e.source for e in sources],
        timezone=", ".join(sorted({e.clock for e in sources})), files=files,
        schema_fingerprint=schema_fingerprint(columns), rows=rows, first_ts=first, last_ts=last,
        duplicates=duplicates, rejected=rejected, out_of_order=backward, ohlc_violations=violations,
        gaps=Gaps(count=gaps, largest_seconds=largest, largest_after=after),
        created_at=datetime.now(UTC).replace(tzinfo=None, microsecond=0), tool_version=duckbt.__version__,
    )  # fmt: skip


def _continued(new: Manifest, old: Manifest) -> Manifest:
    """The manifest of a dataset that grew: its history adds up."""
    seen = {s.sha256 for s in new.sources}
    both = (old.duplicates, new.duplicates)
    samples = (old.rejected.samples + new.rejected.samples)[:SAMPLES]
    reasons = dict(old.rejected.reasons)
    for reason, count in new.rejected.reasons.items():
        reasons[reason] = reasons.get(reason, 0) + count
    return new.model_copy(
        update={
            "sources": [s for s in old.sources if s.sha256 not in seen] + new.sources,
            "out_of_order": old.out_of_order + new.out_of_order,
            "duplicates": Duplicates(
                removed=sum(d.removed for d in both),
                identical=sum(d.identical for d in both),
                conflicting=sum(d.conflicting for d in both),
                first=min((d.first for d in both if d.first), default=None),
                last=max((d.last for d in both if d.last), default=None),
            ),
            "rejected": Rejected(rows=old.rejected.rows + new.rejected.rows, reasons=reasons, samples=samples),
        }
    )


def _files_of(connection: duckdb.DuckDBPyConnection) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for symbol, file in connection.execute("select distinct symbol, file from raw_rows").fetchall():
        found.setdefault(symbol, set()).add(file)
    return found


def _rejected(connection: duckdb.DuckDBPyConnection) -> dict[str, Rejected]:
    result: dict[str, Rejected] = {}
    for symbol, reason, count in connection.execute(
        "select symbol, reason, count(*) from judged where reason is not null group by all order by all"
    ).fetchall():
        entry = result.setdefault(symbol, Rejected(reasons={}, samples=[]))
        entry.rows += count
        entry.reasons[reason] = count
    for symbol, line, reason, text in connection.execute(
        "select symbol, line, reason, coalesce(raw, concat_ws(',', coalesce(ts::varchar, '?'), "
        "coalesce(open::varchar, '?'), coalesce(high::varchar, '?'), coalesce(low::varchar, '?'), "
        "coalesce(close::varchar, '?'))) "
        "from judged where reason is not null "
        f"qualify row_number() over (partition by symbol order by file, line) <= {SAMPLES} order by symbol, file, line"
    ).fetchall():
        result[symbol].samples.append({"row": line, "reason": reason, "text": text[:200]})
    return result


def _duplicates(connection: duckdb.DuckDBPyConnection, symbol: str) -> Duplicates:
    row = connection.execute(
        "with groups as (select ts, count(*) - 1 as extra, "
        "count(distinct (open, high, low, close, coalesce(volume, -1))) as kinds from kept where symbol = ? group by ts) "
        "select coalesce(sum(extra), 0), coalesce(sum(extra) filter (kinds = 1), 0), "
        "coalesce(sum(extra) filter (kinds > 1), 0), min(ts), max(ts) from groups where extra > 0",
        [symbol],
    ).fetchall()[0]
    return Duplicates(removed=row[0], identical=row[1], conflicting=row[2], first=row[3], last=row[4])


def _measured(connection: duckdb.DuckDBPyConnection, symbol: str) -> Timeframe:
    """The most frequent step between timestamps. Raises DataError when there is none."""
    rows = connection.execute(
        "select seconds, count(*) from (select epoch(ts - lag(ts) over (order by ts))::bigint as seconds from judged "
        "where reason is null and symbol = ? limit 200000) where seconds > 0 group by all order by 2 desc, 1 limit 1",
        [symbol],
    ).fetchall()
    if not rows:
        raise DataError(f"{symbol}: the timeframe cannot be told from one bar; give it with --timeframe")
    try:
        return Timeframe.of_seconds(rows[0][0])
    except UsageError as error:
        raise DataError(f"{symbol}: {error}; give the timeframe with --timeframe") from None


def _counts(reasons: dict[str, int]) -> str:
    return ", ".join(f"{n:,} × {r}" for r, n in reasons.items()) or "the file has no rows"


def _samples(rejected: dict[str, Rejected]) -> str:
    shown: list[dict[str, Any]] = [s for r in rejected.values() for s in r.samples]
    return "\n".join(f"  row {s['row']}: {s['reason']}: {s['text']}" for s in shown[:SAMPLES])
