"""How much memory there is, how much a run may take, and what is said when it is not enough."""

from __future__ import annotations

import os
import re
from pathlib import Path

import psutil

from duckbt.errors import ResourceError, UsageError

MINIMUM_MB = 512  # what must be free when a run starts; DUCKBT_MEMORY_MIN_MB changes it
SHARE = 0.8  # of the free memory is what the engine may take when nothing else is said
BESIDE_ENGINE = 200_000_000  # bytes that the process may hold beside what it held before and what DuckDB counts
_CGROUP = Path("/sys/fs/cgroup")
_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
          "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40, "BYTES": 1}  # fmt: skip


def resident() -> int:
    """Bytes of this process that are in memory now."""
    return int(psutil.Process().memory_info().rss)


def available() -> int:
    """Bytes that this process could still take: of the machine, and of the container it may live in."""
    free = int(psutil.virtual_memory().available)
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        if limit != "max":
            used = int((_CGROUP / "memory.current").read_text())
            cached = re.search(r"^inactive_file (\d+)", (_CGROUP / "memory.stat").read_text(), re.MULTILINE)
            free = min(free, int(limit) - used + (int(cached[1]) if cached else 0))
    except (OSError, ValueError):  # no such container: the machine's figure stands
        pass
    return max(0, free)


def minimum() -> int:
    """Bytes that must be available for a run to start. Raises UsageError when the setting is no number."""
    text = os.environ.get("DUCKBT_MEMORY_MIN_MB", str(MINIMUM_MB))
    try:
        return int(float(text) * 10**6)
    except ValueError:
        raise UsageError(f"DUCKBT_MEMORY_MIN_MB={text}: give a number of megabytes, as in 512") from None


def check_minimum(required: int = 0) -> int:
    """Bytes available now. Raises ResourceError when that is less than a run needs to start."""
    least, free = minimum(), available()
    if free < least:
        raise ResourceError(
            f"{free / 1e6:,.0f} MB of memory are free, and a run starts only with {least / 1e6:,.0f} MB; "
            "close other programs, or set DUCKBT_MEMORY_MIN_MB lower",
            required_mb=max(least, required) / 1e6,
            available_mb=free / 1e6,
        )
    return free


def size_of(text: str) -> int:
    """Bytes of a size as DuckDB writes it: ``953.6 MiB``, ``2GB``."""
    found = re.fullmatch(r"\s*([\d.]+)\s*([a-zA-Z]*)\s*", text)
    if found is None or found[2].upper() not in _UNITS:
        raise ValueError(text)
    return int(float(found[1]) * _UNITS[found[2].upper()])


def shortage(message: str, limit: int, peak: int) -> tuple[float, float]:
    """(megabytes needed at least, megabytes there were) from DuckDB's words about memory that ran out."""
    asked = re.search(r"of size ([\d.]+ \w+) \(([\d.]+ \w+)/([\d.]+ \w+) used\)", message)
    if asked:
        size, used, allowed = (size_of(part) for part in asked.groups())
        return (used + size) / 1e6, allowed / 1e6
    return max(peak, limit) / 1e6, limit / 1e6
