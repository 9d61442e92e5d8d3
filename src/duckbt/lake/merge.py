"""New bars into a dataset that already has some: appended, absorbed where equal, refused where they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from duckbt.errors import DataError
from duckbt.lake.manifest import DataFile
from duckbt.lake.publishing import data_file
from duckbt.lake.store import Dataset
from duckbt.sqlfiles import BARS_AS_PARQUET, quote_name, quote_text, render

SMALL = 500_000  # bars; smaller files at a dataset's end are joined, so that daily appends leave few files


@dataclass(frozen=True)
class Change:
    """How a dataset changed: bars added, equal bars absorbed, conflicts decided by ``prefer``."""

    added: int
    absorbed: int = 0
    replaced: int = 0
    kept_old: int = 0

    @property
    def nothing(self) -> bool:
        """The bars are what they were."""
        return not self.added and not self.replaced


@dataclass(frozen=True)
class Written:
    """A Parquet file of bars, sorted, of one symbol."""

    path: Path
    rows: int
    first: datetime
    last: datetime

    def entry(self) -> DataFile:
        """For the manifest."""
        return data_file(self.path, self.rows, self.first, self.last)


def copy_bars(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> Written:
    """Write bars of one symbol, sorted by time, to Parquet."""
    row = connection.execute(f"copy ({query}) to {quote_text(path)} ({BARS_AS_PARQUET}, return_stats true)").fetchall()[0]
    times = row[4]['"ts"']
    return Written(path, int(row[1]), datetime.fromisoformat(times["min"]), datetime.fromisoformat(times["max"]))


def merge(
    connection: duckdb.DuckDBPyConnection,
    scratch: Path,
    dataset: Dataset,
    new: Sequence[Written],
    extras: Sequence[str],
    prefer: str | None,
) -> tuple[Change, list[DataFile]]:
    """(change, the dataset's Parquet files from now on), files by time.

    Raises DataError for datasets that cannot grow, and, showing the differing bars, when old and new conflict and
    ``prefer`` does not say who wins.
    """
    _check_growable(dataset, extras)
    old = [f.model_copy(update={"path": str(dataset.path(f))}) for f in dataset.manifest.files]
    begin, end = min(w.first for w in new), max(w.last for w in new)
    touched = [f for f in old if f.first_ts and f.last_ts and f.first_ts <= end and f.last_ts >= begin]
    rest = [f for f in old if f not in touched]
    if not touched:
        files = sorted([*rest, *(w.entry() for w in new)], key=lambda f: f.first_ts or datetime.min)
        return Change(sum(w.rows for w in new)), _joined(connection, scratch, files, extras)
    change = _overlap(connection, dataset, touched, new, extras, prefer)
    if change.nothing:
        return change, old
    columns = ", ".join(["symbol", "ts", "open", "high", "low", "close", "volume", *map(quote_name, extras)])
    target = scratch / f"merged-{new[0].path.name}"
    merged = copy_bars(connection, f"select {columns} from overlap order by ts", target)
    files = sorted([*rest, merged.entry()], key=lambda f: f.first_ts or datetime.min)
    return change, files


def _check_growable(dataset: Dataset, extras: Sequence[str]) -> None:
    manifest = dataset.manifest
    name = f"{dataset.symbol} {dataset.timeframe}"
    if manifest.in_place:
        raise DataError(
            f"{name} is registered in place from {dataset.path(manifest.files[0])}; it cannot be added to. "
            f"Ingest into another lake, or delete {dataset.folder} first."
        )
    if manifest.derived:
        raise DataError(
            f"{name} was resampled from {manifest.derived.timeframe} bars; it cannot be added to. "
            f"Ingest the finer bars and resample again, or delete {dataset.folder} first."
        )
    if manifest.extras != list(extras):
        raise DataError(
            f"{name} has the extra columns {', '.join(manifest.extras) or '(none)'}, the files bring "
            f"{', '.join(extras) or '(none)'}; give the same --columns as before, or ingest into another lake"
        )


def _overlap(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    touched: Sequence[DataFile],
    new: Sequence[Written],
    extras: Sequence[str],
    prefer: str | None,
) -> Change:
    old, added = [f.path for f in touched], [str(w.path) for w in new]
    connection.execute(
        render("00_ingest/overlap.sql.j2", old=old, new=added, prefer=prefer or "old", extras=list(map(quote_name, extras)))
    )
    fresh, absorbed, conflicts = connection.execute(
        "select count(*) filter (state = 'new'), count(*) filter (state = 'equal'), count(*) filter (state = 'differs') "
        "from overlap"
    ).fetchall()[0]
    if conflicts and prefer is None:
        rows = connection.execute(
            "select ts, old_bar, new_bar from overlap where state = 'differs' order by ts limit 5"
        ).fetchall()
        raise DataError(
            f"{dataset.symbol} {dataset.timeframe}: {conflicts:,} bars differ from those in the lake:\n"
            + "\n".join(f"  {ts}: lake {was}, file {now}" for ts, was, now in rows)
            + "\nDecide with --prefer new or --prefer old."
        )
    return Change(fresh, absorbed, conflicts if prefer == "new" else 0, conflicts if prefer == "old" else 0)


def _joined(
    connection: duckdb.DuckDBPyConnection, scratch: Path, files: list[DataFile], extras: Sequence[str]
) -> list[DataFile]:
    """Files with small neighbours at the end put together: each file left is larger than the one after it."""
    keep = list(files)
    tail = [keep.pop()]
    while keep and keep[-1].rows <= sum(f.rows for f in tail) < SMALL:
        tail.insert(0, keep.pop())
    if len(tail) == 1:
        return files
    columns = ", ".join(["symbol", "ts", "open", "high", "low", "close", "volume", *map(quote_name, extras)])
    paths = ", ".join(quote_text(f.path) for f in tail)
    target = scratch / f"joined-{Path(tail[-1].path).name}"
    made = copy_bars(connection, f"select {columns} from read_parquet([{paths}], hive_partitioning = false)", target)
    return [*keep, made.entry()]
