"""From trade to trade: of the candidates of every parameter set those that are taken, one position at a time.

Each candidate points at the first one whose fill is not before its end. All sets walk along together, one trade a step.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Places = NDArray[np.signedinteger]  # 32 bits wherever they suffice: many sets are in memory together
LOOK = 1_024  # steps between two looks at whether all have arrived


def following(entry_bar: Integers, free: Integers) -> Places:
    """For each candidate the place of the first whose fill is at bar ``free`` or later; their number where there is none."""
    return np.searchsorted(entry_bar, free, side="left").astype(_wide_enough(len(entry_bar)))


def walk(pointers: Sequence[Places]) -> list[Places]:
    """Places of the candidates taken, for every set; ``pointers`` are those of ``following``."""
    sizes = np.array([len(p) for p in pointers], np.int64)
    begins = np.concatenate([[0], np.cumsum(sizes + 1)])
    flat = np.empty(begins[-1], _wide_enough(int(begins[-1])))
    for begin, size, pointer in zip(begins, sizes, pointers, strict=False):
        flat[begin : begin + size] = pointer + begin
        flat[begin + size] = begin + size  # the end points at itself
    begins, ends = begins[:-1].astype(flat.dtype), (begins[:-1] + sizes).astype(flat.dtype)
    here = begins.copy()
    steps = []
    while (here < ends).any():
        block = np.empty((LOOK, len(pointers)), flat.dtype)
        for row in block:
            row[:] = here
            here = flat[here]
        steps.append(block)
    if not steps:
        return [here[:0] for _ in pointers]
    visited = np.concatenate([block.T for block in steps], axis=1)
    return [row[: np.searchsorted(row, end)] - begin for row, begin, end in zip(visited, begins, ends, strict=False)]


def _wide_enough(largest: int) -> type[np.signedinteger]:
    return np.int32 if largest < 2**31 else np.int64
