"""Many raw files → few staged Parquet files: small files that are alike together, large ones alone, bad ones named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from duckbt.errors import DataError
from duckbt.lake.clock import SWITCHES, to_utc
from duckbt.lake.merge import Written
from duckbt.lake.reading import PRICES, Part, RawFile, stage
from duckbt.lake.rows import RowFiles, Slice
from duckbt.sqlfiles import quote_name

LARGE = 4 << 20  # bytes from which a file is staged alone, so that it can become the lake's file as it is
BATCH_BYTES, BATCH_FILES = 64 << 20, 500


@dataclass
class _Batch:
    files: list[RawFile] = field(default_factory=list)
    bytes: int = 0


class Stager:
    """Takes raw files one by one; afterwards ``parts`` hold their rows and ``failed`` the errors, by source number."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, scratch: Path, strict: bool) -> None:
        self.connection, self.scratch, self.strict = connection, scratch, strict
        self.parts: list[Part] = []
        self.failed: dict[int, str] = {}
        self._batches: dict[str, _Batch] = {}
        connection.execute(SWITCHES)

    def take(self, raw: RawFile) -> None:
        """Stage a file, now or with others."""
        size = raw.file.path.stat().st_size
        if size >= LARGE or raw.file.kind == "arrow":
            self._stage([raw])
            return
        batch = self._batches.setdefault(raw.alike(), _Batch())
        batch.files.append(raw)
        batch.bytes += size
        if batch.bytes >= BATCH_BYTES or len(batch.files) >= BATCH_FILES:
            self._stage(self._batches.pop(raw.alike()).files)

    def finish(self) -> None:
        """Stage what is still waiting."""
        while self._batches:
            self._stage(self._batches.pop(next(iter(self._batches))).files)

    def _stage(self, files: Sequence[RawFile]) -> None:
        try:
            part = stage(self.connection, files, self.scratch / f"part-{len(self.parts)}.parquet")
        except DataError as error:
            if len(files) > 1:
                for file in files:
                    self._stage([file])
                return
            files[0].file.discard()
            if self.strict:
                raise
            self.failed[files[0].number] = str(error)
            return
        for file in files:
            file.file.discard()
        if files[0].clock.switches:
            to_utc(self.connection, files[0].clock, part.path, str(files[0].number) if len(files) == 1 else "source")
        self.parts.append(part)

    def row_files(self, extras: Sequence[str]) -> list[RowFiles]:
        """The staged parts as branches of ``raw_rows``, in the order of ``parts``."""
        branches: list[RowFiles] = []
        plain = {name: name for name in ("symbol", *PRICES)} | {name: quote_name(name) for name in extras}
        for number, part in enumerate(self.parts):
            source = "source" if len(part.sources) > 1 else str(part.sources[0])
            columns = plain | (
                {"raw": "raw", "unreadable": "unreadable"}
                if part.careful
                else {"raw": "null::varchar", "unreadable": "false"}
            )
            branches.append(RowFiles([str(part.path)], source, columns, number))
        return branches

    def adoptable(self, slices: Sequence[Slice]) -> list[Written] | None:
        """The staged files themselves, when these slices are all of their rows and have the lake's columns only."""
        for s in slices:
            part = self.parts[s.part]
            if not part.plain or s.rows != part.rows:
                return None
        return [Written(self.parts[s.part].path, s.rows, s.first_ts, s.last_ts) for s in slices]


def sorted_query(rows: range, extras: Sequence[str]) -> str:
    """SQL for one dataset's bars out of ``sorted_rows`` (its rows there by number), each time once."""
    columns = ", ".join(["symbol", *PRICES, *map(quote_name, extras)])
    return (
        f"select {columns} from (select *, lag(ts) over () as earlier from sorted_rows "
        f"where rowid between {rows.start} and {rows.stop - 1}) where ts is distinct from earlier"
    )
