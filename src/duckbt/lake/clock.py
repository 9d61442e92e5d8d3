"""The clock a source keeps: fixed offsets, IANA zones, and broker clocks that follow another place's switches."""

from __future__ import annotations

import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from duckbt.errors import UsageError, did_you_mean

_OFFSET = re.compile(r"(?:UTC)?([+-])(\d\d):?(\d\d)?\Z")
_BASES = {"EET": 7200, "CET": 3600, "GMT": 0, "UTC": 0, "WET": 0, "EST": -18000, "CST": -21600, "PST": -28800}
_RULES = {"EU": ("Europe/London", 0), "US": ("America/New_York", -18000)}


@dataclass(frozen=True)
class Clock:
    """``zone`` gives the daylight-saving dates; the clock shows that zone's time plus ``shift`` seconds."""

    text: str
    zone: str
    shift: int

    @property
    def is_utc(self) -> bool:
        """Nothing to convert."""
        return self.zone == "UTC" and self.shift == 0


def parse_clock(text: str) -> Clock:
    """``UTC``, ``-05:00``, ``America/New_York`` or ``broker:EET-US`` (base time, whose switches). Raises UsageError."""
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
