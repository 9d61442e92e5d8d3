"""Counting what Python allocates while the engine scans. Off unless asked for: tracing slows Python down."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Allocations:
    """``count``: blocks that Python holds at the end and did not hold at the start; ``peak_bytes``: most at any moment."""

    count: int | None = None
    peak_bytes: int | None = None


@contextmanager
def counted(wanted: bool = True) -> Iterator[Allocations]:
    """Count the allocations of a block of code by tracemalloc; with ``wanted`` false the figures stay None."""
    found = Allocations()
    if not wanted:
        yield found
        return
    running = tracemalloc.is_tracing()
    if not running:
        tracemalloc.start(1)
    before = tracemalloc.take_snapshot()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    try:
        yield found
        found.peak_bytes = max(0, tracemalloc.get_traced_memory()[1] - held)
        changes = tracemalloc.take_snapshot().compare_to(before, "filename")
        found.count = sum(
            max(0, change.count_diff) for change in changes if change.traceback[0].filename != tracemalloc.__file__
        )
    finally:
        if not running:
            tracemalloc.stop()
