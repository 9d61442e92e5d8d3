"""Timeframes as the lake writes them: ``1m 5m 1h 4h 1d``, any ``<n>m|h|d``."""

from __future__ import annotations

import functools
import re

from duckbt.errors import UsageError

_UNITS = {"m": 60, "h": 3600, "d": 86400}
_FOREIGN = re.compile(r"(?:(M|H|D|W)(\d+)|(\d+)\s*(m|min|minutes?|t|h|hours?|d|days?|w|weeks?))\Z", re.IGNORECASE)


@functools.total_ordering
class Timeframe:
    """A bar length. Compares by duration; prints in the lake's spelling."""

    def __init__(self, text: str) -> None:
        """Parse ``5m``, ``1h`` or the spellings of other tools (``M5``, ``H1``, ``60min``). Raises UsageError."""
        match = _FOREIGN.match(text.strip())
        if match is None:
            raise UsageError(f"timeframe {text!r} is not understood: write a number and m, h or d, as in 1m, 15m, 1h, 1d")
        unit = (match[1] or match[4])[0].lower()
        count = int(match[2] or match[3])
        if unit == "w":
            unit, count = "d", count * 7
        if unit == "t":
            unit = "m"
        self.seconds = count * _UNITS[unit]
        if count < 1:
            raise UsageError(f"timeframe {text!r}: the number must be at least 1")

    @classmethod
    def of_seconds(cls, seconds: int) -> Timeframe:
        """The timeframe of that many seconds; raises UsageError unless they are whole minutes."""
        if seconds <= 0 or seconds % 60:
            raise UsageError(f"a bar of {seconds} seconds is not a timeframe: whole minutes are needed")
        return cls(f"{seconds // 60}m")

    def __str__(self) -> str:
        unit = next(u for u in ("d", "h", "m") if self.seconds % _UNITS[u] == 0)
        return f"{self.seconds // _UNITS[unit]}{unit}"

    def __repr__(self) -> str:
        return f"Timeframe({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timeframe) and other.seconds == self.seconds

    def __lt__(self, other: Timeframe) -> bool:
        return self.seconds < other.seconds

    def __hash__(self) -> int:
        return hash(self.seconds)
