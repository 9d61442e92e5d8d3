"""From trade to trade: of the candidates of every parameter set those that are taken, one position at a time.

Each candidate points at the first one whose fill is not before its end. All sets walk along together, one trade a step.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
LOOK = 1_024  # steps between two looks at whether all have arrived


def following(entry_bar: Integers, free: Integers) -> Integers:
    """For each candidate the place of the first whose fill is at bar ``free`` or later; their number where there is none."""
    return np.searchsorted(entry_bar, free, side="left").astype(np.int64)


def walk(pointers: Sequence[Integers]) -> list[Integers]:
    """Places of the candidates taken, for every set; ``pointers`` are those of ``following``."""
    sizes = np.array([len(p) for p in pointers], np.int64)
    begins = np.concatenate([[0], np.cumsum(sizes + 1)])
    flat = np.empty(begins[-1], np.int64)
    for begin, size, pointer in zip(begins, sizes, pointers, strict=False):
        flat[begin : begin + size] = pointer + begin
        flat[begin + size] = begin + size  # the end points at itself
    here = begins[:-1].copy()
    ends = begins[:-1] + sizes
    steps = []
    while (here < ends).any():
        block = np.empty((LOOK, len(pointers)), np.int64)
        for row in block:
            row[:] = here
            here = flat[here]
        steps.append(block)
    if not steps:
        return [np.empty(0, np.int64) for _ in pointers]
    visited = np.ascontiguousarray(np.concatenate(steps).T)
    return [row[: np.searchsorted(row, end)] - begin for row, begin, end in zip(visited, begins, ends, strict=False)]
