"""What the lake knows about one dataset: where its bars came from, what was dropped, where they lie."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from duckbt.errors import DataError

MANIFEST = "manifest.json"
SAMPLES = 5
COLUMNS = ("ts", "open", "high", "low", "close", "volume")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SourceFile(_Model):
    """A raw file as it was read: its rows for this dataset, and how many of them were repeats or no bars.

    ``path``: the file, or the archive it was in, when it was read; ``sha256``: of that file's bytes.
    ``symbols``: how many datasets got rows of it; ``settings``: options that change how it is read.
    """

    name: str
    path: str = ""
    sha256: str
    bytes: int
    dialect: str
    clock: str = "UTC"
    settings: dict[str, str] = {}
    symbols: int = 1
    rows: int
    duplicates: int = 0
    rejected: int = 0

    def same_reading(self, other: SourceFile) -> bool:
        """Whether the other entry is the same file (or member of an archive), read the same way."""
        mine, others = ((s.sha256, s.name.partition("/")[2], s.dialect, s.clock, s.settings) for s in (self, other))
        return mine == others


class DataFile(_Model):
    """A Parquet file that holds bars. ``first_row``/``rows``: the slice of the file that belongs to the dataset."""

    path: str
    sha256: str
    bytes: int
    modified_ns: int
    rows: int
    first_row: int = 0
    rows_in_file: int
    first_ts: datetime | None = None
    last_ts: datetime | None = None

    @property
    def whole(self) -> bool:
        """Whether the dataset has all rows of the file."""
        return self.first_row == 0 and self.rows == self.rows_in_file


class Duplicates(_Model):
    """Rows dropped because their timestamp was there before."""

    removed: int = 0
    identical: int = 0
    conflicting: int = 0
    first: datetime | None = None
    last: datetime | None = None

    def __add__(self, other: Duplicates) -> Duplicates:
        return Duplicates(
            removed=self.removed + other.removed,
            identical=self.identical + other.identical,
            conflicting=self.conflicting + other.conflicting,
            first=min((d.first for d in (self, other) if d.first), default=None),
            last=max((d.last for d in (self, other) if d.last), default=None),
        )


class Rejected(_Model):
    """Rows that are no bars, with reasons and a few samples as they stood in the source."""

    rows: int = 0
    reasons: dict[str, int] = {}
    samples: list[str] = []

    def __add__(self, other: Rejected) -> Rejected:
        names = sorted({*self.reasons, *other.reasons})
        return Rejected(
            rows=self.rows + other.rows,
            reasons={n: self.reasons.get(n, 0) + other.reasons.get(n, 0) for n in names},
            samples=(self.samples + other.samples)[:SAMPLES],
        )


class Gaps(_Model):
    """Steps longer than one bar; the largest in seconds and where it begins.

    ``inside``: those in which other weeks have bars, with ``missing`` bars in them; the others are closed hours.
    """

    count: int = 0
    inside: int = 0
    missing: int = 0
    largest_seconds: float = 0
    largest_after: datetime | None = None


class Switches(_Model):
    """Rows in hours that the source's clock shows twice, and rows at times that it never shows."""

    repeated: int = 0
    skipped: int = 0

    def __add__(self, other: Switches) -> Switches:
        return Switches(repeated=self.repeated + other.repeated, skipped=self.skipped + other.skipped)


class Derived(_Model):
    """The finer dataset that longer bars were made of, and when their days begin."""

    timeframe: str
    digest: str
    anchor: str | None = None


class Manifest(_Model):
    """``manifest.json`` of one symbol and timeframe."""

    version: Literal[1] = 1
    symbol: str
    timeframe: str
    in_place: bool = False
    ordered: bool = True
    columns: dict[str, str] = {}
    extras: list[str] = []
    derived: Derived | None = None
    sources: list[SourceFile] = []
    timezone: str = "UTC"
    files: list[DataFile]
    schema_fingerprint: str
    rows: int
    first_ts: datetime | None
    last_ts: datetime | None
    duplicates: Duplicates = Duplicates()
    rejected: Rejected = Rejected()
    out_of_order: int = 0
    switches: Switches = Switches()
    ohlc_violations: int = 0
    gaps: Gaps = Gaps()
    audit: str | None = None
    notes: list[str] = []
    created_at: datetime
    tool_version: str

    def digest(self) -> str:
        """Identity of the bars: symbol, timeframe, columns and the bytes of every file."""
        parts = [self.symbol, self.timeframe, repr(sorted(self.columns.items()))]
        parts += [f"{f.sha256}:{f.first_row}:{f.rows}" for f in self.files]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def read_manifest(path: Path) -> Manifest:
    """Load one manifest. Raises DataError when it is missing or damaged."""
    try:
        return Manifest.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such manifest") from None
    except (ValidationError, ValueError) as error:
        raise DataError(f"{path} is damaged: {error}. Ingest the data again.") from None


def write_json(path: Path, text: str) -> None:
    """Write beside and rename, so that no reader sees half a file."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)


def sha256_of(path: Path) -> str:
    """sha256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def schema_fingerprint(columns: list[tuple[str, str]]) -> str:
    """Short hash of column names and types."""
    return hashlib.sha256(repr(columns).encode()).hexdigest()[:16]
