"""Parquet that already lies somewhere: registered in the lake and read in place, never copied."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import duckdb

import duckbt
from duckbt.errors import DataError
from duckbt.lake.accounts import Accounts, accounts_of, add_samples
from duckbt.lake.audit import FINDINGS, check_bars, check_rows, facts_of, findings_by_place
from duckbt.lake.clock import SWITCHES
from duckbt.lake.generic import NAMES, Given, Roles, check_columns, roles_of
from duckbt.lake.manifest import DataFile, Duplicates, Manifest, Rejected, schema_fingerprint, sha256_of
from duckbt.lake.names import expand, names_in
from duckbt.lake.prepare import Readable
from duckbt.lake.publishing import Draft, publish, writing
from duckbt.lake.rows import Group, RowFiles, group, inspect, list_members
from duckbt.lake.store import Dataset, Lake
from duckbt.lake.timeframe import Timeframe
from duckbt.sqlfiles import quote_name, quote_text, render

Progress = Callable[[str, float], None]
_LAKE_TYPES = {"ts": "TIMESTAMP"} | dict.fromkeys(("open", "high", "low", "close", "volume"), "DOUBLE")


@dataclass(frozen=True)
class _File:
    """A Parquet file: rows in it, what its columns mean, and symbol and timeframe as far as told."""

    path: Path
    rows: int
    roles: Roles
    symbol: str | None
    timeframe: Timeframe | None

    def columns(self, extras: Sequence[str]) -> dict[str, str]:
        """Column of a bar → SQL that also says the type it is stored in, so that files stored alike read alike."""
        found = self.roles.sql()
        types = self.roles.types
        stored = {**self.roles.columns, **self.roles.extras}
        for name in ("open", "high", "low", "close", "volume", *extras):
            column = stored[name]
            if column is not None and types[column] != "DOUBLE":
                found[name] = f"{quote_name(column)}::{types[column]}::double"
        return {name: found[name] for name in (*_LAKE_TYPES, *extras)}

    def symbol_sql(self) -> str:
        """The symbol of a row, or the one told for the whole file."""
        return quote_text(self.symbol) if self.symbol else self.roles.sql()["symbol"]


def register(
    paths: Sequence[str | Path],
    lake: Lake,
    symbol: str | None = None,
    timeframe: Timeframe | None = None,
    columns: dict[str, str] | None = None,
    progress: Progress | None = None,
) -> list[Manifest]:
    """Register Parquet files in place, one dataset per symbol and timeframe found in them.

    ``symbol``/``timeframe`` where column, folder (``symbol=…/``) and file name do not tell; ``columns``: role or extra
    → column. Files that are unsorted or repeat timestamps are registered too: runs sort them first, and the manifest
    says so. Raises DataError, changing nothing, for files that hold no bars.
    """
    given = Given(columns or {})
    check_columns(given.columns)
    extras = sorted(name for name in given.columns if name not in NAMES)
    found = [p for p in expand(paths) if p.suffix.lower() in (".parquet", ".pq")]
    if not found:
        raise DataError("no Parquet files among the paths; `duckcli data ingest` reads CSV and other formats")
    with writing(lake) as (scratch, connection), ThreadPoolExecutor(1) as hashing:
        digests = [hashing.submit(sha256_of, path) for path in found if path.is_file()]
        if progress:
            progress("reading schemas", 0.0)
        files = list(_files(connection, found, symbol, timeframe, given))
        if progress:
            progress("checking rows", 0.2)
        connection.execute(SWITCHES)
        slices, refused = inspect(connection, _branches(files, extras), extras, sum(f.rows for f in files))
        groups, untimed = group(slices, {n: f.timeframe for n, f in enumerate(files)})
        _refuse(files, groups, untimed, {s.source for s in slices}, lake)
        names = {n: f.path.name for n, f in enumerate(files)}
        list_members(connection, groups, names, several_in_a_part=False)
        places = [g.place for g in groups if not g.ordered]
        connection.execute(
            render("00_ingest/sorted_rows.sql.j2", extras=list(map(quote_name, extras)), places=places or [-1])
        )
        connection.execute(render("00_ingest/repeats.sql"))
        accounts = accounts_of(connection, groups, refused)
        connection.execute(FINDINGS)
        check_rows(connection, bool(refused), any(g.backward for g in groups))
        add_samples(connection, accounts, names)
        if progress:
            progress("auditing bars", 0.5)
        entries = [_entry(f, d.result()) for f, d in zip(files, digests, strict=True)]
        drafts = [_manifest(g, files, entries, accounts, extras) for g in groups]
        datasets = [Dataset(lake.folder(m.symbol, Timeframe(m.timeframe)), m) for m in drafts]
        check_bars(connection, datasets)
        facts = facts_of(connection)
        tables = findings_by_place(connection, datasets)
        for place, manifest in enumerate(drafts):
            if place in facts:
                manifest.gaps, manifest.ohlc_violations = facts[place].gaps, facts[place].ohlc_violations
        publish(lake, scratch, [Draft(m, t) for m, t in zip(drafts, tables, strict=True)])
    return drafts


def _files(
    connection: duckdb.DuckDBPyConnection,
    paths: Sequence[Path],
    symbol: str | None,
    timeframe: Timeframe | None,
    given: Given,
) -> Iterator[_File]:
    """The files with their roles; files of equal schema are looked into once."""
    missing = [p for p in paths if not p.is_file()]
    if missing:
        raise DataError(f"{missing[0]}: no such file")
    texts = [str(p) for p in paths]
    try:
        rows = dict(connection.execute("select file_name, num_rows from parquet_file_metadata(?)", [texts]).fetchall())
        schemas = dict(
            connection.execute(
                "select file_name, list((name, type, converted_type, logical_type)::varchar order by column_id)::varchar "
                "from parquet_schema(?) group by file_name",
                [texts],
            ).fetchall()
        )
    except duckdb.Error as error:
        said = str(error).splitlines()[0]
        named = [text for text in texts if f"'{text}'" in said or f'"{text}"' in said]
        raise DataError(f"{named[0] if named else 'a file'} is not a readable Parquet file: {said}") from None
    roles: dict[str, Roles] = {}
    for path, text in zip(paths, texts, strict=True):
        schema = schemas[text]
        if schema not in roles:
            roles[schema] = roles_of(connection, Readable(path.name, path, "parquet"), given)
            _refuse_text(path, roles[schema])
        told, bar = names_in(str(path.resolve()))
        own = roles[schema].columns["symbol"] is not None
        if symbol is None and told is None and not own:
            raise DataError(f"{path}: the symbol cannot be told from column, folder or name; give it with --symbol")
        yield _File(path, rows[text], roles[schema], symbol or (None if own else told), timeframe or bar)


def _refuse_text(path: Path, roles: Roles) -> None:
    """Numbers that are written as text would have to be converted in every run."""
    for column in (*(roles.columns[r] for r in _LAKE_TYPES if r != "ts"), *roles.extras.values()):
        if column is not None and roles.types[column] == "VARCHAR":
            raise DataError(f"{path}: the column {column} holds text, not numbers; `duckcli data ingest` converts it")


def _branches(files: Sequence[_File], extras: Sequence[str]) -> list[RowFiles]:
    """Neighbours that are stored alike share a branch of ``raw_rows``."""
    branches: list[RowFiles] = []
    symbols: list[list[str]] = []
    shapes: list[tuple[Roles, bool]] = []
    for number, file in enumerate(files):
        shape = (file.roles, file.symbol is None)
        if not shapes or shapes[-1] != shape:
            columns = {"symbol": file.symbol_sql()} | file.columns(extras) | {"raw": "null::varchar", "unreadable": "false"}
            branches.append(RowFiles([], f"{number} + file_index", columns, number))
            symbols.append([])
            shapes.append(shape)
        branches[-1].files.append(str(file.path))
        symbols[-1].append(file.symbol_sql())
    for branch, told in zip(branches, symbols, strict=True):
        if len(set(told)) > 1:
            branch.columns["symbol"] = f"([{', '.join(told)}])[file_index::bigint + 1]"
    return branches


def _refuse(
    files: Sequence[_File], groups: Sequence[Group], untimed: Sequence[tuple[str, str]], used: set[int], lake: Lake
) -> None:
    """Raise DataError for what cannot be registered."""
    for number, file in enumerate(files):
        if number not in used:
            raise DataError(f"{file.path} has no rows that are bars")
    if untimed:
        raise DataError(f"{untimed[0][0]}: {untimed[0][1]}")
    for g in groups:
        old = lake.find(g.symbol, g.timeframe)
        if old is not None and not old.manifest.in_place:
            raise DataError(f"{g.symbol} {g.timeframe} is already in the lake {lake.root}, ingested from files")


def _entry(file: _File, digest: str) -> DataFile:
    state = file.path.stat()
    return DataFile(
        path=str(file.path.resolve()), sha256=digest, bytes=state.st_size, modified_ns=state.st_mtime_ns,
        rows=file.rows, rows_in_file=file.rows,
    )  # fmt: skip


def _manifest(
    g: Group, files: Sequence[_File], entries: Sequence[DataFile], accounts: Accounts, extras: list[str]
) -> Manifest:
    shapes = {repr(files[s.part].columns(extras)): s.part for s in g.slices}
    if len(shapes) > 1:
        one, two = [files[part].path.name for part in shapes.values()][:2]
        raise DataError(
            f"{g.symbol}: {one} and {two} store their columns differently; `duckcli data ingest` makes one dataset of them"
        )
    first = files[g.slices[0].part]
    columns = first.columns(extras)
    types = first.roles.types
    if all(columns[name] == name and types.get(name) == type for name, type in _plain_types(extras).items()):
        columns = {}
    several = any(
        s.rows + accounts.rejected.get((g.place, s.source), Rejected()).rows < files[s.part].rows for s in g.slices
    )
    if several and first.symbol is None:
        columns = columns | {"symbol": first.symbol_sql()}
    duplicates, rejected = Duplicates(), Rejected()
    for source in sorted(accounts.sources[g.place]):
        duplicates += accounts.duplicates.get((g.place, source), Duplicates())
        rejected += accounts.rejected.get((g.place, source), Rejected())
    parts = [
        entries[s.part].model_copy(
            update={
                "first_row": s.first_row,
                "rows": s.last_row - s.first_row + 1,
                "first_ts": s.first_ts,
                "last_ts": s.last_ts,
            }
        )
        for s in g.slices
    ]
    return Manifest(
        symbol=g.symbol, timeframe=str(g.timeframe), in_place=True, ordered=g.ordered, columns=columns, extras=extras,
        files=parts, schema_fingerprint=schema_fingerprint(sorted(columns.items())),
        rows=sum(s.rows for s in g.slices) - duplicates.removed,
        first_ts=min(s.first_ts for s in g.slices), last_ts=max(s.last_ts for s in g.slices),
        duplicates=duplicates, rejected=rejected, out_of_order=g.backward,
        notes=[] if g.ordered else [_why(g, duplicates, rejected)],
        created_at=datetime.now(UTC).replace(tzinfo=None, microsecond=0), tool_version=duckbt.__version__,
    )  # fmt: skip


def _plain_types(extras: Sequence[str]) -> dict[str, str]:
    return _LAKE_TYPES | dict.fromkeys(extras, "DOUBLE")


def _why(g: Group, duplicates: Duplicates, rejected: Rejected) -> str:
    causes = {
        "repeated timestamps": duplicates.removed,
        "backward steps": g.backward,
        "rows that are no bars": rejected.rows,
    }
    shown = [f"{words}: {n:,}" for words, n in causes.items() if n]
    if any(a.last_ts >= b.first_ts for a, b in pairwise(g.slices)):
        shown.append("files that overlap in time")
    return (
        f"{', '.join(shown) or 'rows of several symbols mixed'}; every run sorts and cleans these bars first, which is "
        "slower. `duckcli data ingest` rewrites them once."
    )
