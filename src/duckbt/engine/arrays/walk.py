"""From trade to trade: of the candidates of every parameter set those that are taken, one position at a time.

Each candidate points at the first one whose fill is not before its end. One trade a step would be as many steps as there
are trades. So every set is walked from many places at once, and the paths are joined where one meets the next: paths
that begin apart soon meet, because trades end while later candidates wait.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Places = NDArray[np.signedinteger]  # 32 bits wherever they suffice: many sets are in memory together
PATHS = 32  # of every set, walked at once
LOOK = 64  # steps between two looks at whether all have arrived


def following(entry_bar: Integers, free: Integers) -> Places:
    """For each candidate the place of the first whose fill is at bar ``free`` or later; their number where there is none."""
    return np.searchsorted(entry_bar, free, side="left").astype(_wide_enough(len(entry_bar)))


def walk(pointers: Sequence[Places]) -> list[Places]:
    """Places of the candidates taken, for every set; ``pointers`` are those of ``following``."""
    taken = _walk(pointers, PATHS)
    apart = [n for n, places in enumerate(taken) if places is None]  # trades of equal length: their paths never meet
    for n, places in zip(apart, _walk([pointers[n] for n in apart], 1), strict=True):
        taken[n] = places
    return [places for places in taken if places is not None]


def _walk(pointers: Sequence[Places], paths: int) -> list[Places | None]:
    """As ``walk``, by so many paths a set; None where they do not meet. A path alone always arrives."""
    if not pointers:
        return []
    sizes = np.array([len(p) for p in pointers], np.int64)
    first = np.concatenate([[0], np.cumsum(sizes + 1)])
    flat = np.empty(first[-1], _wide_enough(int(first[-1])))
    for begin, size, pointer in zip(first, sizes, pointers, strict=False):
        flat[begin : begin + size] = pointer + begin
        flat[begin + size] = begin + size  # the end points at itself
    # every set from ``paths`` places on; the last bound is its end
    bounds = (first[:-1, None] + sizes[:, None] * np.arange(paths + 1) // paths).astype(flat.dtype)
    here, goal = bounds[:, :-1].ravel(), bounds[:, 1:].ravel()
    steps = [here[None]]
    arrived = False
    while not arrived:  # and some steps more, for there paths meet
        arrived = bool((here >= goal).all())
        block = np.empty((LOOK, len(here)), flat.dtype)
        for row in block:
            here = np.take(flat, here, out=row)
        steps.append(block)
    visited = np.concatenate([block.T for block in steps], axis=1).reshape(len(pointers), paths, -1)
    return [_joined(rows, bound) for rows, bound in zip(visited, bounds, strict=True)]


def _joined(visited: Places, bounds: Places) -> Places | None:
    """The way from the first bound to the last. Row k of ``visited`` is the path from bound k to some steps beyond the
    next bound. It is followed so far, and on until it meets the path of the part that it has come to."""
    pieces, k, begin = [], 0, 0
    while True:
        row = visited[k]
        end = max(begin, int(np.searchsorted(row, bounds[k + 1])))
        pieces.append(row[begin:end])
        beyond = row[end : end + LOOK]
        if beyond[0] == bounds[-1]:
            taken: Places = np.concatenate(pieces) - bounds[0]
            return taken
        k = int(np.searchsorted(bounds, beyond[0], side="right")) - 1
        place = np.searchsorted(visited[k], beyond)
        met = np.flatnonzero(visited[k][np.minimum(place, visited.shape[1] - 1)] == beyond)
        if not len(met):
            return None
        pieces.append(beyond[: met[0]])
        begin = int(place[met[0]])


def _wide_enough(largest: int) -> type[np.signedinteger]:
    return np.int32 if largest < 2**31 else np.int64
