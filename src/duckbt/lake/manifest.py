"""What the lake knows about one dataset: where its bars came from, what was dropped, where they lie."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from duckbt.errors import DataError

MANIFEST = "manifest.json"
VERSION = 1
COLUMNS = ("ts", "open", "high", "low", "close", "volume")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SourceFile(_Model):
    """A raw file as it was read."""

    name: str
    sha256: str
    bytes: int
    dialect: str
    rows: int


class DataFile(_Model):
    """A Parquet file that holds bars. ``first_row``/``rows``: the slice of the file that belongs to the dataset."""

    path: str
    sha256: str
    bytes: int
    modified_ns: int
    rows: int
    first_row: int = 0
    first_ts: datetime | None = None
    last_ts: datetime | None = None


class Duplicates(_Model):
    """Rows dropped because their timestamp was there before."""

    removed: int = 0
    identical: int = 0
    conflicting: int = 0
    first: datetime | None = None
    last: datetime | None = None


class Rejected(_Model):
    """Rows that are no bars, with reasons and a few samples as they stood in the source."""

    rows: int = 0
    reasons: dict[str, int] = {}
    samples: list[dict[str, Any]] = []


class Gaps(_Model):
    """Steps longer than one bar, weekends included; the largest in seconds and where it begins."""

    count: int = 0
    largest_seconds: float = 0
    largest_after: datetime | None = None


class Manifest(_Model):
    """``manifest.json`` of one symbol and timeframe."""

    version: Literal[1] = 1
    symbol: str
    timeframe: str
    in_place: bool = False
    ordered: bool = True
    columns: dict[str, str] = {}
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
    ohlc_violations: int = 0
    gaps: Gaps = Gaps()
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
