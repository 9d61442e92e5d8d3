"""New bars into a dataset that already has some: appended, absorbed where equal, refused where they differ."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from duckbt.errors import DataError, UsageError
from duckbt.lake.store import Dataset
from duckbt.sqlfiles import quote_text, render


@dataclass(frozen=True)
class Change:
    """How a dataset changed: bars added, equal bars absorbed, conflicts decided by ``prefer``."""

    added: int
    absorbed: int = 0
    replaced: int = 0
    kept_old: int = 0


def merge(
    connection: duckdb.DuckDBPyConnection,
    scratch: Path,
    dataset: Dataset | None,
    new: Path,
    number: int,
    prefer: str | None,
) -> tuple[Change, list[Path], list[Path]]:
    """(change, the dataset's Parquet files from now on, files no longer needed).

    Raises DataError showing the differing bars when old and new conflict and ``prefer`` does not say who wins.
    """
    if prefer not in (None, "old", "new"):
        raise UsageError(f"--prefer {prefer}: write old or new")
    fresh = connection.execute(f"select count(*), min(ts), max(ts) from read_parquet({quote_text(new)})").fetchall()[0]
    if dataset is None:
        return Change(fresh[0]), [new], []
    if dataset.manifest.in_place:
        raise DataError(
            f"{dataset.symbol} {dataset.timeframe} is registered in place from {dataset.path(dataset.manifest.files[0])}; "
            "it cannot be added to. Ingest into another lake, or remove the registration first."
        )
    dataset.check_files()
    old_files = [dataset.path(f) for f in dataset.manifest.files]
    if dataset.manifest.last_ts is not None and fresh[1] > dataset.manifest.last_ts:
        return Change(fresh[0]), [*old_files, new], []
    connection.execute(
        render("00_ingest/overlap.sql.j2", old=[str(p) for p in old_files], new=str(new), prefer=prefer or "old")
    )
    added, absorbed, conflicts = connection.execute(
        "select count(*) filter (state = 'new'), count(*) filter (state = 'equal'), "
        "count(*) filter (state = 'differs') from overlap"
    ).fetchall()[0]
    if conflicts and prefer is None:
        raise DataError(
            f"{dataset.symbol} {dataset.timeframe}: {conflicts:,} bars differ from those in the lake:\n"
            + "\n".join(_differences(connection))
            + "\nDecide with --prefer new or --prefer old."
        )
    change = Change(added, absorbed, conflicts if prefer == "new" else 0, conflicts if prefer == "old" else 0)
    if not added and not change.replaced:
        return change, old_files, []
    merged = scratch / f"merged-{number}.parquet"
    connection.execute(
        "copy (select symbol, ts, open, high, low, close, volume from overlap order by ts) "
        f"to {quote_text(merged)} (format parquet, compression zstd)"
    )
    return change, [merged], old_files


def _differences(connection: duckdb.DuckDBPyConnection) -> list[str]:
    rows = connection.execute(
        "select ts, old_bar, new_bar from overlap where state = 'differs' order by ts limit 5"
    ).fetchall()
    return [f"  {ts}: lake {old}, file {new}" for ts, old, new in rows]
