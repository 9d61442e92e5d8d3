"""The clock a source keeps: fixed offsets, IANA zones, and broker clocks that follow another place's switches."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import duckdb

from duckbt.errors import UsageError, did_you_mean
from duckbt.sqlfiles import BARS_AS_PARQUET, quote_text, render

_OFFSET = re.compile(r"(?:UTC)?([+-])(\d\d):?(\d\d)?\Z")
_ANCHOR = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?:\s+(\S+))?\Z")
_BASES = {"EET": 7200, "CET": 3600, "GMT": 0, "UTC": 0, "WET": 0, "EST": -18000, "CST": -21600, "PST": -28800}
_RULES = {"EU": ("Europe/London", 0), "US": ("America/New_York", -18000)}


@dataclass(frozen=True)
class Clock:
    """``zone`` gives the daylight-saving dates; the clock shows that zone's time plus ``shift`` seconds."""

    text: str
    zone: str
    shift: int

    @property
    def switches(self) -> bool:
        """Whether it has daylight saving, so that hours may repeat or be left out."""
        return self.zone != "UTC"


def parse_clock(text: str) -> Clock:
    """``UTC``, ``-05:00``, ``America/New_York`` or ``broker:EET-US`` (base time, whose switches). Raises UsageError."""
    if text.upper() in ("UTC", "Z", "GMT"):
        return Clock("UTC", "UTC", 0)
    offset = _OFFSET.match(text)
    if offset:
        seconds = int(offset[2]) * 3600 + int(offset[3] or 0) * 60
        return Clock(text, "UTC", seconds if offset[1] == "+" else -seconds)
    if text.lower().startswith("broker:"):
        base, _, rule = text[7:].upper().partition("-")
        if base not in _BASES or rule not in _RULES:
            raise UsageError(
                f"clock {text!r}: write broker:BASE-RULE, as in broker:EET-EU; bases: {', '.join(_BASES)}; rules: EU, US"
            )
        zone, standard = _RULES[rule]
        return Clock(text, zone, _BASES[base] - standard)
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, IsADirectoryError, OSError):
        raise UsageError(
            f"time zone {text!r} is unknown; "
            + did_you_mean(
                text, available_timezones(), "give an IANA name such as America/New_York, -05:00 or broker:EET-EU"
            )
        ) from None
    return Clock(text, text, 0)


SWITCHES = "create or replace table switches (source integer, symbol varchar, kind varchar, ts timestamp)"


def to_utc(connection: duckdb.DuckDBPyConnection, clock: Clock, staged: Path, source: str) -> None:
    """Turn ``ts`` of a staged Parquet file from a clock with daylight saving to UTC, in place.

    ``source``: SQL for the number of the raw file a row comes from. Rows in hours that the clock shows twice or never
    are added to the table ``switches``.
    """
    values = {"zone": clock.zone, "shift": clock.shift, "part": str(staged)}
    connection.execute(render("00_ingest/switched.sql.j2", source=source, **values))
    connection.execute("insert into switches select source, symbol, kind, utc from switched")
    some = connection.execute("select exists (from switched)").fetchall()[0][0]
    beside = staged.with_suffix(".utc")
    query = render("00_ingest/converted.sql.j2", switches=some, **values)
    connection.execute(f"copy ({query}) to {quote_text(beside)} ({BARS_AS_PARQUET})")
    beside.replace(staged)


@dataclass(frozen=True)
class Anchor:
    """When a trading day begins: ``seconds`` after midnight in ``zone``."""

    seconds: int
    zone: str

    def __str__(self) -> str:
        return f"{self.seconds // 3600:02d}:{self.seconds % 3600 // 60:02d} {self.zone}"


def parse_anchor(text: str) -> Anchor:
    """``17:00 America/New_York``; without a zone UTC is meant. Raises UsageError."""
    match = _ANCHOR.match(text.strip())
    if match is None:
        raise UsageError(f"anchor {text!r}: write time and zone, as in '17:00 America/New_York'")
    zone = match[3] or "UTC"
    clock = parse_clock(zone)
    if clock.shift or ":" in zone:
        raise UsageError(f"anchor {text!r}: the zone must be an IANA name, as in '17:00 America/New_York'")
    return Anchor(int(match[1]) * 3600 + int(match[2]) * 60, zone)
