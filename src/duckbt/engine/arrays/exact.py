"""The SQL macro exact_sum on arrays: doubles added as integers with 64 bits behind the point, so order does not matter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
HALF = 4294967296.0  # 2^32
WHOLE = 18446744073709551616.0  # 2^64
NEAR_ZERO = 2.0**-8  # a double that is not nearer has its last bit at 2^-60 or before
EXACT = 2**21  # so many numbers below 2^32 have a sum below 2^53


def limbs(x: Floats) -> tuple[Floats, Floats, Floats]:
    """``x`` in units of 2^-64, rounded half to even, as (whole part, upper 32 bits, lower 32 bits): signed whole numbers."""
    whole = np.trunc(x)
    rest = x - whole
    rest *= HALF
    high = np.trunc(rest)
    rest -= high
    rest *= HALF
    return whole, high, np.rint(rest, out=rest)


def total(x: Floats) -> int:
    """The sum in units of 2^-64, exactly. Values must be finite and below 2^40."""
    whole, high, low = limbs(x)
    # 32 bits a value: sums of doubles are exact up to 2^21 of them, and exact in any order
    if len(x) > EXACT:
        high, low = high.astype(np.int64), low.astype(np.int64)
    return (int(whole.astype(np.int64).sum()) << 64) + (int(high.sum()) << 32) + int(low.sum())


def exact_sum(x: Floats) -> float:
    """The sum; 0.0 for no values. Values must be finite and below 2^40."""
    return as_double(total(x))


def as_double(total: int) -> float:
    """DuckDB's conversion of a HUGEINT in units of 2^-64: both halves rounded apart, then added."""
    upper, lower = total >> 64, total & (2**64 - 1)
    value = -float(2**64 - 1 - lower) - 1.0 if upper == -1 else float(lower) + float(upper) * WHOLE
    return value / WHOLE


def rounded(x: Floats) -> Floats:
    """Each value as the sum of it alone would give it back: only near 0 are there bits beyond the 64 behind the point."""
    result = x + 0.0  # no negative zeros
    small = np.flatnonzero((np.abs(x) < NEAR_ZERO) & (x != 0))
    if len(small):
        result[small] = _joined(*_integers(x[small]))
    return result


def running_sum(x: Floats) -> Floats:
    """The exact sum up to and including each value."""
    return _joined(*(np.cumsum(part) for part in _integers(x)))


def grouped_sum(x: Floats, begins: Integers) -> Floats:
    """The exact sum of every group; ``begins`` are the places where groups begin, the first of them 0."""
    result = rounded(x[begins])
    sizes = np.diff(np.append(begins, len(x)))
    several = np.flatnonzero(sizes > 1)
    if len(several):
        own = np.concatenate([[0], np.cumsum(sizes[several])])
        members = np.repeat(begins[several] - own[:-1], sizes[several]) + np.arange(own[-1])
        result[several] = _joined(*(np.add.reduceat(part, own[:-1]) for part in _integers(x[members])))
    return result


def _integers(x: Floats) -> tuple[Integers, ...]:
    return tuple(part.astype(np.int64) for part in limbs(x))


def _joined(whole: Integers, high: Integers, low: Integers) -> Floats:
    """Limbs as doubles, by the conversion of ``as_double``."""
    high = high + (low >> 32)
    whole = whole + (high >> 32)
    high <<= 32  # what is shifted out has been carried over
    high |= low & 0xFFFFFFFF
    lower = high.view(np.uint64)
    value = lower.astype(np.float64)
    value += whole * WHOLE
    just_below = np.flatnonzero(whole == -1)
    value[just_below] = -(np.uint64(2**64 - 1) - lower[just_below]).astype(np.float64) - 1.0
    value /= WHOLE
    return value
