"""Dialects of raw market data: each is one short SQL file with a header of facts, no parser class.

The header of ``sql/00_ingest/dialects/<name>.sql`` says how a file is read (``read: csv``, ``columns: …``), how its
first lines look (``first line: regex``), what its name tells (``file name: regex``) and which clock it keeps.
Users' own dialects lie in ``<lake>/dialects`` and are tried first.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from pathlib import Path

from duckbt.errors import UsageError, did_you_mean
from duckbt.sqlfiles import sql_root

FOLDER = "00_ingest/dialects"
GENERIC = "generic"
_PATTERNS = ("first line", "second line", "file name")
_KEYS = {"read", "delimiter", "quote", "header", "skip", "columns", "clock", "extras", *_PATTERNS}
_READS = ("csv", "json", "table")


@dataclass(frozen=True)
class Dialect:
    """One way to write bars down."""

    name: str
    title: str
    sql: str
    read: str = "csv"
    delimiter: str = ","
    quote: str = '"'
    header: str = "no"
    skip: int = 0
    columns: dict[str, str] = field(default_factory=dict)
    extras: tuple[str, ...] = ()
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


def parse_dialect(path: Path) -> Dialect:
    """Read a dialect file. Raises UsageError that says what is wrong with its header."""
    text = path.read_text(encoding="utf-8")
    comments = [line[2:].strip() for line in text.splitlines() if line.startswith("--")]
    name = path.name.split(".")[0]
    if not comments or not comments[0].startswith(f"{name}:"):
        raise UsageError(f"{path}: the first line must read '-- {name}: what it is'")
    facts: dict[str, str] = {}
    notes: list[str] = []
    for line in comments[1:]:
        key, colon, value = line.partition(":")
        if colon and key in _KEYS:
            facts[key] = value.strip()
        else:
            notes.append(line)
    if facts.get("read", "csv") not in _READS:
        raise UsageError(f"{path}: read: {facts['read']} is not known; write one of {', '.join(_READS)}")
    if not re.search(r"^from lines\s*;?\s*$|\bfrom lines\)", text, re.MULTILINE):
        raise UsageError(f"{path}: the query must read `from lines`")
    try:
        columns = dict(part.split() for part in facts.get("columns", "").split(",") if part)
        patterns = {key.replace(" ", "_"): re.compile(facts[key]) for key in _PATTERNS if key in facts}
        skip = int(facts.get("skip", "0"))
    except (ValueError, re.error) as error:
        raise UsageError(f"{path}: the header cannot be read: {error}") from None
    return Dialect(
        name=name,
        title=comments[0].partition(":")[2].strip(),
        sql="\n".join(line for line in text.splitlines() if not line.startswith("--")).strip().rstrip(";"),
        read=facts.get("read", "csv"),
        delimiter=facts.get("delimiter", ",").encode().decode("unicode_escape"),
        quote="" if facts.get("quote") == "none" else '"',
        header=facts.get("header", "no"),
        skip=skip,
        columns=columns,
        extras=tuple(part.strip() for part in facts.get("extras", "").split(",") if part.strip()),
        clock=facts.get("clock", "UTC"),
        notes=tuple(notes),
        **patterns,
    )


@functools.cache
def _built_in() -> dict[str, Dialect]:
    files = sorted((sql_root() / FOLDER).glob("*.sql*"))
    return {d.name: d for d in map(parse_dialect, files)}


def dialects(own: Path | None = None) -> dict[str, Dialect]:
    """All dialects by name; those in the folder ``own`` come first and may replace built-in ones."""
    mine = {d.name: d for d in map(parse_dialect, sorted(own.glob("*.sql")))} if own and own.is_dir() else {}
    return mine | {name: d for name, d in _built_in().items() if name not in mine}


def dialect_named(name: str, known: dict[str, Dialect]) -> Dialect:
    """One dialect. Raises UsageError with the names there are."""
    if name not in known:
        raise UsageError(f"no format {name!r}; " + did_you_mean(name, known, f"known: auto, {', '.join(known)}"))
    return known[name]
