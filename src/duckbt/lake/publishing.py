"""Changing the lake: one writer at a time, everything written aside, each dataset switched over by one rename.

Readers are never disturbed: the manifest is what counts, it is replaced whole, and the Parquet files of the manifest
before stay until the next change of that dataset.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import duckdb
from filelock import FileLock

from duckbt.errors import DataError, ResourceError, UsageError
from duckbt.lake.catalog import refresh_catalog
from duckbt.lake.manifest import MANIFEST, DataFile, Manifest, sha256_of, write_json
from duckbt.lake.store import Dataset, Lake
from duckbt.lake.timeframe import Timeframe
from duckbt.sqlfiles import connect, quote_text

AUDIT = "audit"


@dataclass
class Draft:
    """A dataset as it will be: its manifest, its findings (an Arrow table), and the manifest it follows."""

    manifest: Manifest
    findings: Any
    old: Manifest | None = None


def _lock(root: Path) -> AbstractContextManager[object]:
    """Wait for other writers. Raises DataError for a folder that cannot be made or written to."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        return FileLock(root / ".lock").acquire()
    except OSError as error:
        raise DataError(f"{root} cannot be used as a lake: {error.strerror or error}. Name another with --lake.") from None


@contextmanager
def writing(lake: Lake, memory_limit: str | None = None) -> Iterator[tuple[Path, duckdb.DuckDBPyConnection]]:
    """A scratch folder in the lake and a DuckDB on disk in it; others wait; the folder is gone afterwards in any case.

    Raises ResourceError when memory or disk runs out; the lake is as it was then.
    """
    with _lock(lake.root):
        for left in lake.root.glob(".staging-*"):
            shutil.rmtree(left, ignore_errors=True)
        scratch = Path(mkdtemp(prefix=".staging-", dir=lake.root.resolve()))
        connection = connect(scratch / "work.duckdb")
        try:
            connection.execute(f"set temp_directory = {quote_text(scratch / 'spill')}")
            connection.execute("set timezone = 'UTC'")
            if memory_limit:
                try:
                    connection.execute(f"set memory_limit = {quote_text(memory_limit)}")
                except duckdb.Error as error:
                    raise UsageError(f"--memory-limit {memory_limit}: {str(error).splitlines()[0]}") from None
            yield scratch, connection
        except (duckdb.OutOfMemoryException, MemoryError) as error:
            raise ResourceError(f"out of memory; the lake is as it was: {str(error)[:200]}") from None
        except (duckdb.IOException, OSError) as error:
            if "No space left" not in str(error):
                raise
            raise ResourceError(f"the disk is full; the lake is as it was: {str(error)[:200]}") from None
        finally:
            connection.close()
            shutil.rmtree(scratch, ignore_errors=True)


def data_file(
    path: Path, rows: int, first: datetime | None, last: datetime | None, first_row: int = 0, rows_in_file: int | None = None
) -> DataFile:
    """The manifest's entry of a Parquet file, read from disk."""
    state = path.stat()
    return DataFile(
        path=str(path), sha256=sha256_of(path), bytes=state.st_size, modified_ns=state.st_mtime_ns, rows=rows,
        first_row=first_row, rows_in_file=rows if rows_in_file is None else rows_in_file, first_ts=first, last_ts=last,
    )  # fmt: skip


def publish(lake: Lake, scratch: Path, drafts: Sequence[Draft]) -> list[Dataset]:
    """Make drafts real, one after the other. A crash in between leaves each dataset either as it was or new."""
    published = [_publish(lake, scratch, draft) for draft in drafts]
    if published:
        refresh_catalog(lake)
    return published


def _publish(lake: Lake, scratch: Path, draft: Draft) -> Dataset:
    import pyarrow.parquet

    manifest = draft.manifest
    folder = lake.folder(manifest.symbol, Timeframe(manifest.timeframe))
    (folder / AUDIT).mkdir(parents=True, exist_ok=True)
    for file in manifest.files:
        path = Path(file.path)
        if path.parent == scratch:
            file.path = f"bars-{file.sha256[:12]}.parquet"
            os.replace(path, folder / file.path)
    beside = scratch / "audit.parquet"
    pyarrow.parquet.write_table(draft.findings, beside, compression="zstd")
    manifest.audit = f"{AUDIT}/{sha256_of(beside)[:12]}.parquet"
    os.replace(beside, folder / manifest.audit)
    write_json(folder / MANIFEST, manifest.model_dump_json(indent=1))
    _clear(folder, [manifest, *([draft.old] if draft.old else [])])
    return Dataset(folder, manifest)


def _clear(folder: Path, kept: Sequence[Manifest]) -> None:
    """Remove Parquet that neither the manifest nor the one before it names, and what a crash left."""
    named = {folder / f.path for m in kept for f in m.files} | {folder / m.audit for m in kept if m.audit}
    for path in (*folder.glob("bars-*.parquet"), *(folder / AUDIT).glob("*.parquet"), *folder.glob(f".{MANIFEST}.*")):
        if path not in named:
            path.unlink(missing_ok=True)
