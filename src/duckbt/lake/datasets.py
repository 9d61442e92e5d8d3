"""Staged rows → datasets as they will be: grouped, sorted where needed, merged with what is there, audited."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path

import duckdb

import duckbt
from duckbt.errors import DataError
from duckbt.lake.accounts import Accounts, accounts_of, add_samples
from duckbt.lake.audit import FINDINGS, THREADS, check_bars, check_rows, facts_of, findings_by_place, keep_row_findings
from duckbt.lake.manifest import Duplicates, Manifest, Rejected, SourceFile, Switches, schema_fingerprint
from duckbt.lake.merge import Change, Written, copy_bars, merge
from duckbt.lake.publishing import Draft
from duckbt.lake.rows import Group, Refused, first_refused, group, inspect, list_members
from duckbt.lake.staging import Stager, sorted_query
from duckbt.lake.store import Dataset, Lake
from duckbt.lake.timeframe import Timeframe
from duckbt.sqlfiles import quote_name, render


@dataclass(frozen=True)
class Source:
    """A raw file that was staged: its timeframe as far as told, its manifest entry without counts and hash, its sha256."""

    timeframe: Timeframe | None
    entry: SourceFile
    digest: Callable[[], str]  # may have to wait for it


@dataclass(frozen=True)
class Rules:
    """What decides when rows are dropped or bars differ."""

    extras: list[str]
    strict: bool
    prefer: str | None


@dataclass
class Made:
    """Datasets that change, those that do not, what failed (name, reason), and the accounts of all rows."""

    changed: list[tuple[Draft, Change]] = field(default_factory=list)
    unchanged: list[tuple[Dataset, Change]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    accounts: Accounts = field(default_factory=Accounts)
    groups: list[Group] = field(default_factory=list)


def make_datasets(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    scratch: Path,
    stager: Stager,
    sources: Mapping[int, Source],
    rules: Rules,
) -> Made:
    """Everything from staged rows to drafts. Raises DataError in strict mode for any row not taken as it is."""
    extras = rules.extras
    slices, refused = inspect(connection, stager.row_files(extras), extras, sum(p.rows for p in stager.parts))
    groups, untimed = group(slices, {n: s.timeframe for n, s in sources.items()})
    made = Made(groups=groups, failed=list(untimed))
    staged = {n for part in stager.parts for n in part.sources}
    seen = {s.source for s in slices}
    for number in sorted(staged - seen):
        made.failed.append(
            (sources[number].entry.name, f"no row is a bar: {_reasons(refused, number)}{first_refused(connection, number)}")
        )
    names = {n: sources[n].entry.name for n in staged}
    list_members(connection, groups, names, any(len(p.sources) > 1 for p in stager.parts))
    if rules.strict and refused:
        bad = {n: f"{names[n]}: {_reasons(refused, n)}{first_refused(connection, n)}" for n, _ in refused}
        raise DataError(f"--strict: rows would be rejected: {'; '.join(bad.values())}")
    written = _write(connection, scratch, stager, groups, extras)
    made.accounts = accounts_of(connection, groups, refused)
    if rules.strict:
        _refuse_untidy(groups, made.accounts)
    connection.execute(FINDINGS)
    check_rows(connection, bool(refused), any(g.backward for g in groups))
    add_samples(connection, made.accounts, names)
    _merge(connection, lake, scratch, made, written, sources, rules)
    return made


def _reasons(refused: Refused, source: int) -> str:
    counts: dict[str, int] = {}
    for (at, _), reasons in refused.items():
        for reason, rows in reasons.items() if at == source else ():
            counts[reason] = counts.get(reason, 0) + rows
    return ", ".join(f"{n:,} × {reason}" for reason, n in counts.items()) or "the file has no rows"


def _write(
    connection: duckdb.DuckDBPyConnection, scratch: Path, stager: Stager, groups: Sequence[Group], extras: Sequence[str]
) -> dict[int, list[Written]]:
    """Parquet of each group: the staged files themselves where they will do, else sorted and each time once."""
    written: dict[int, list[Written]] = {}
    for g in groups:
        adopted = stager.adoptable(g.slices) if g.ordered else None
        if adopted:
            written[g.place] = adopted
    places = [g.place for g in groups if g.place not in written]
    quoted = [quote_name(name) for name in extras]
    connection.execute(render("00_ingest/sorted_rows.sql.j2", extras=quoted, places=places or [-1]))
    connection.execute(render("00_ingest/repeats.sql"))
    counts = connection.execute("select place, count(*) from sorted_rows group by place order by place").fetchall()
    begins = accumulate((rows for _, rows in counts), initial=0)

    def write(place: int, rows: range) -> list[Written]:
        with connection.cursor() as cursor:
            return [copy_bars(cursor, sorted_query(rows, extras), scratch / f"out-{place}.parquet")]

    with ThreadPoolExecutor(THREADS) as pool:  # a short file is written on one core
        tasks = [(place, pool.submit(write, place, range(b, b + n))) for (place, n), b in zip(counts, begins, strict=False)]
        return written | {place: task.result() for place, task in tasks}


def _refuse_untidy(groups: Sequence[Group], accounts: Accounts) -> None:
    for g in groups:
        repeats = sum(d.removed for (place, _), d in accounts.duplicates.items() if place == g.place)
        if g.backward or repeats:
            raise DataError(f"--strict: {g.symbol} has {g.backward} backward steps and {repeats} repeated timestamps")


def _merge(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    scratch: Path,
    made: Made,
    written: Mapping[int, list[Written]],
    sources: Mapping[int, Source],
    rules: Rules,
) -> None:
    """Merge with what the lake has, audit what changes, and draft the manifests."""
    drafts: list[tuple[Manifest, Change, Dataset | None, int]] = []
    for g in made.groups:
        old = lake.find(g.symbol, g.timeframe)
        try:
            if old is None:
                files, change = [w.entry() for w in written[g.place]], Change(sum(w.rows for w in written[g.place]))
            else:
                change, files = merge(connection, scratch, old, written[g.place], rules.extras, rules.prefer)
        except DataError as error:
            if rules.strict or len(made.groups) == 1:
                raise
            made.failed.append((f"{g.symbol} {g.timeframe}", str(error)))
            continue
        manifest = _manifest(g, made.accounts, sources, rules.extras)
        manifest = manifest.model_copy(update={"files": files, "rows": sum(f.rows for f in files)})
        if old is not None:
            if change.nothing and not _news(manifest, old.manifest):
                made.unchanged.append((old, change))
                continue
            manifest = _continued(manifest, old.manifest)
        drafts.append((manifest, change, old, g.place))
    _audited(connection, lake, made, drafts, rules.strict)


def _audited(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    made: Made,
    drafts: Sequence[tuple[Manifest, Change, Dataset | None, int]],
    strict: bool,
) -> None:
    if not drafts:
        return
    places = [place for _, _, _, place in drafts]
    connection.execute(
        "create or replace table findings as select list_position(?::bigint[], place) - 1 as place, * exclude (place) "
        "from findings where list_contains(?::bigint[], place)",
        [places, places],
    )
    datasets = [Dataset(lake.folder(m.symbol, Timeframe(m.timeframe)), m) for m, _, _, _ in drafts]
    check_bars(connection, datasets)
    for place, (_, _, old, _) in enumerate(drafts):
        if old is not None:
            keep_row_findings(connection, place, old)
    facts = facts_of(connection)
    tables = findings_by_place(connection, datasets)
    for place, (manifest, change, old, _) in enumerate(drafts):
        if place in facts:
            manifest.gaps, manifest.ohlc_violations = facts[place].gaps, facts[place].ohlc_violations
        manifest.first_ts, manifest.last_ts = manifest.files[0].first_ts, manifest.files[-1].last_ts
        if strict and manifest.ohlc_violations:
            raise DataError(
                f"--strict: {manifest.symbol} has {manifest.ohlc_violations} bars whose open or close lies outside low..high"
            )
        made.changed.append((Draft(manifest, tables[place], old.manifest if old else None), change))


def _manifest(g: Group, accounts: Accounts, sources: Mapping[int, Source], extras: list[str]) -> Manifest:
    """The manifest of what this ingest brings to a dataset; files and facts about bars come later."""
    numbers = sorted(accounts.sources[g.place])
    entries, clocks = [], set()
    duplicates, rejected, switches = Duplicates(), Rejected(), Switches()
    for number in numbers:
        key = (g.place, number)
        repeats, refused = accounts.duplicates.get(key, Duplicates()), accounts.rejected.get(key, Rejected())
        entry = sources[number].entry
        entries.append(
            entry.model_copy(update={
                "sha256": sources[number].digest(), "symbols": len(accounts.places[number]), "rows": accounts.rows(key),
                "duplicates": repeats.removed, "rejected": refused.rows,
            })
        )  # fmt: skip
        clocks.add(entry.clock)
        duplicates, rejected = duplicates + repeats, rejected + refused
        switches += accounts.switches.get(key, Switches())
    columns = [("symbol", "VARCHAR"), ("ts", "TIMESTAMP"), *((c, "DOUBLE") for c in ("open", "high", "low", "close"))]
    columns += [("volume", "DOUBLE"), *((name, "DOUBLE") for name in extras)]
    steps = [s.step for s in g.slices if s.step]
    notes = []
    if steps and min(steps) != g.timeframe.seconds * 1_000_000:
        notes.append(f"most bars are {min(steps) / 6e7:g} min apart, though they are said to be {g.timeframe} bars")
    return Manifest(
        symbol=g.symbol, timeframe=str(g.timeframe), sources=entries, timezone=", ".join(sorted(clocks)), files=[],
        extras=extras, schema_fingerprint=schema_fingerprint(columns), rows=0, first_ts=None, last_ts=None,
        duplicates=duplicates, rejected=rejected, out_of_order=g.backward, switches=switches, notes=notes,
        created_at=datetime.now(UTC).replace(tzinfo=None, microsecond=0), tool_version=duckbt.__version__,
    )  # fmt: skip


def _news(new: Manifest, old: Manifest) -> bool:
    """Whether a source is not on record yet."""
    return any(not any(s.same_reading(o) for o in old.sources) for s in new.sources)


def _continued(new: Manifest, old: Manifest) -> Manifest:
    """The manifest of a dataset that grew: its history adds up."""
    return new.model_copy(
        update={
            "sources": [s for s in old.sources if not any(s.same_reading(n) for n in new.sources)] + new.sources,
            "timezone": ", ".join(sorted({*old.timezone.split(", "), *new.timezone.split(", ")})),
            "out_of_order": old.out_of_order + new.out_of_order,
            "duplicates": old.duplicates + new.duplicates,
            "rejected": old.rejected + new.rejected,
            "switches": old.switches + new.switches,
            "notes": list(dict.fromkeys([*old.notes, *new.notes])),
        }
    )
