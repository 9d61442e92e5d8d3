"""First touches on arrays: for many prices at once the first bar, from a given one on, that reaches them.

A pyramid of maxima with eight children a block. All questions climb together, eight blocks at a look, until one of them
can hold the touch; then all descend together. Cost grows with the logarithm of the waiting time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FAN = 8
SHIFT = 3
AT_ONCE = 65_536  # questions that are looked at together, so that they stay in the processor's cache
_FIRST_SET = np.array([0] + [8 - b.bit_length() for b in range(1, 256)], np.int64)  # first set bit, from the left


def room(bars: int) -> NDArray[np.float64]:
    """Place for a value per bar, filled up with what no price reaches, so that the last bars too have eight neighbours."""
    return np.full(-(-bars // FAN) * FAN + FAN, -np.inf)


class Pyramid:
    """Maxima over 1, 8, 64 … bars. ``never``: the answer for what is not touched (the number of bars)."""

    def __init__(self, values: NDArray[np.float64], bars: int) -> None:
        """``values``: a ``room`` with one value per bar; it is used as it is."""
        self.never = bars
        self._levels = [_windows(values)]
        while len(values) > 2 * FAN:
            level = values[:-FAN].reshape(-1, FAN).max(axis=1)
            values = room(len(level))
            values[: len(level)] = level
            self._levels.append(_windows(values))

    def first(self, begin: NDArray[np.int64], price: NDArray[np.float64]) -> NDArray[np.int64]:
        """Bar numbers: the first at ``begin`` or later whose value is ``price`` or more."""
        found = np.full(len(begin), self.never, np.int64)
        for low in range(0, len(begin), AT_ONCE):
            part = slice(low, low + AT_ONCE)
            self._first(begin[part], price[part], found[part])
        return found

    def _first(self, begin: NDArray[np.int64], price: NDArray[np.float64], found: NDArray[np.int64]) -> None:
        waiting = np.flatnonzero(begin < self.never)
        block = begin[waiting]
        entered: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []  # per level: questions, block that holds the touch
        for windows in self._levels:
            inside = block < len(windows)
            waiting, block = waiting[inside], block[inside]
            bits = self._look(windows, block, price[waiting])
            hit = bits > 0
            entered.append((waiting[hit], block[hit] + _FIRST_SET[bits[hit]]))
            waiting, block = waiting[~hit], (block[~hit] >> SHIFT) + 1
            if not len(waiting):
                break
        questions, block = entered.pop()
        for level in range(len(entered) - 1, -1, -1):
            child = block << SHIFT
            child += _FIRST_SET[self._look(self._levels[level], child, price[questions])]
            also, there = entered[level]
            questions, block = np.concatenate([questions, also]), np.concatenate([child, there])
        found[questions] = block

    @staticmethod
    def _look(windows: NDArray[np.void], block: NDArray[np.int64], price: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Eight bits per question: which of eight blocks from ``block`` on reach the price."""
        return np.packbits(windows[block].view(np.float64).reshape(-1, FAN) >= price[:, None])


def _windows(padded: NDArray[np.float64]) -> NDArray[np.void]:
    """The eight values from each place on, as one opaque value: fetched by number, they come twice as fast as a row."""
    return np.ndarray(len(padded) - FAN + 1, f"V{padded.itemsize * FAN}", padded.data, strides=padded.strides)
