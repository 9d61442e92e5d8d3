"""Dialects of raw market data: each is one short SQL file with a header of facts, no parser class.

The header of ``sql/00_ingest/dialects/<name>.sql`` says how a file is read (``read: csv``, ``columns: …``), how its
first lines look (``first line: regex``), what its name tells (``file name: regex``) and which clock it keeps.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from pathlib import Path

from duckbt.errors import DuckbtError, UsageError, did_you_mean
from duckbt.lake.timeframe import Timeframe
from duckbt.sqlfiles import sql_root

FOLDER = "00_ingest/dialects"
GENERIC = "generic"


@dataclass(frozen=True)
class Dialect:
    """One way to write bars down."""

    name: str
    title: str
    sql: str
    read: str
    delimiter: str = ","
    header: str = "no"
    skip: int = 0
    columns: dict[str, str] = field(default_factory=dict)
    first_line: re.Pattern[str] | None = None
    second_line: re.Pattern[str] | None = None
    file_name: re.Pattern[str] | None = None
    clock: str = "UTC"
    notes: tuple[str, ...] = ()

    def fits(self, lines: list[str]) -> bool:
        """Whether a file that begins with these lines may be in this dialect."""
        if self.first_line is None or not lines or not self.first_line.search(lines[0]):
            return False
        return self.second_line is None or (len(lines) > 1 and bool(self.second_line.search(lines[1])))


_KEYS = {"read", "delimiter", "header", "skip", "columns", "first line", "second line", "file name", "clock"}


def _parse(path: Path) -> Dialect:
    facts: dict[str, str] = {}
    notes: list[str] = []
    text = path.read_text(encoding="utf-8")
    comments = [line[2:].strip() for line in text.splitlines() if line.startswith("--")]
    name = path.name.split(".")[0]
    if not comments or not comments[0].startswith(f"{name}:"):
        raise DuckbtError(f"{path}: the first line must read '-- {name}: what it is'")
    for line in comments[1:]:
        key, colon, value = line.partition(":")
        if colon and key in _KEYS:
            facts[key] = value.strip()
        else:
            notes.append(line)
    columns = dict(part.split() for part in facts.get("columns", "").split(",") if part.strip())

    def pattern(key: str) -> re.Pattern[str] | None:
        return re.compile(facts[key]) if key in facts else None

    return Dialect(
        name,
        comments[0].partition(":")[2].strip(),
        text,
        facts.get("read", "csv"),
        facts.get("delimiter", ",").encode().decode("unicode_escape"),
        facts.get("header", "no"),
        int(facts.get("skip", "0")),
        columns,
        pattern("first line"),
        pattern("second line"),
        pattern("file name"),
        facts.get("clock", "UTC"),
        tuple(notes),
    )


@functools.cache
def dialects() -> dict[str, Dialect]:
    """All dialects by name."""
    files = sorted((sql_root() / FOLDER).glob("*.sql*"))
    return {d.name: d for d in map(_parse, files)}


def dialect_named(name: str) -> Dialect:
    """One dialect. Raises UsageError with the names there are."""
    known = dialects()
    if name not in known:
        raise UsageError(f"no format {name!r}; " + did_you_mean(name, known, f"known: auto, {', '.join(known)}"))
    return known[name]


_PLAIN_NAME = re.compile(
    r"^(?P<symbol>[A-Za-z0-9.=^&+-]{1,24}?)[_-]?(?P<timeframe>(?:M|H|D|W)\d{1,4}|\d{1,4}(?:m|h|d|min))(?=[_.-]|$)"
)


def names_in(dialect: Dialect, file: str) -> tuple[str | None, Timeframe | None]:
    """(symbol, timeframe) as far as the file's name tells."""
    stem = file.split("/")[-1]
    match = dialect.file_name.search(stem) if dialect.file_name else None
    match = match or _PLAIN_NAME.match(stem.split(".csv")[0].split(".parquet")[0])
    if match is None:
        return None, None
    symbol = match["symbol"].replace("_", "").upper()
    words = {"minute": "1m", "hour": "1h", "daily": "1d", "second": None}
    text = words.get(match["timeframe"], match["timeframe"].replace("_", ""))
    try:
        return symbol, Timeframe(text) if text else None
    except UsageError:
        return symbol, None
