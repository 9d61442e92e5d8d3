"""The SQL macro exact_sum on arrays: doubles added as integers with 64 bits behind the point, so order does not matter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
HALF = 4294967296.0  # 2^32
WHOLE = 18446744073709551616.0  # 2^64
LARGEST = 1099511627776.0  # 2^40: beyond it the macro leaves exactness, and so do we


def limbs(x: Floats) -> tuple[Integers, Integers, Integers]:
    """``x`` in units of 2^-64, rounded half to even, as (whole part, upper 32 bits, lower 32 bits), each signed."""
    size = np.abs(x)
    whole = np.floor(size)
    upper = (size - whole) * HALF
    high = np.floor(upper)
    low = np.rint((upper - high) * HALF)
    sign = np.sign(x)
    return (whole * sign).astype(np.int64), (high * sign).astype(np.int64), (low * sign).astype(np.int64)


def exact_sum(x: Floats) -> float:
    """The sum; 0.0 for no values. Values must be finite and below 2^40."""
    whole, high, low = limbs(x)
    total = (int(whole.sum()) << 64) + (int(high.sum()) << 32) + int(low.sum())
    return as_double(total)


def as_double(total: int) -> float:
    """DuckDB's conversion of a HUGEINT in units of 2^-64: both halves rounded apart, then added."""
    upper, lower = total >> 64, total & (2**64 - 1)
    value = -float(2**64 - 1 - lower) - 1.0 if upper == -1 else float(lower) + float(upper) * WHOLE
    return value / WHOLE


def rounded(x: Floats) -> Floats:
    """Each value as the sum of it alone would give it back."""
    return _joined(*limbs(x))


def running_sum(x: Floats) -> Floats:
    """The exact sum up to and including each value."""
    return _joined(*(np.cumsum(part) for part in limbs(x)))


def grouped_sum(x: Floats, begins: Integers) -> Floats:
    """The exact sum of every group; ``begins`` are the places where groups begin, the first of them 0."""
    return _joined(*(np.add.reduceat(part, begins) for part in limbs(x)))


def _joined(whole: Integers, high: Integers, low: Integers) -> Floats:
    """Limbs as doubles, by the conversion of ``as_double``."""
    high = high + (low >> 32)
    whole = whole + (high >> 32)
    lower = ((high & 0xFFFFFFFF).astype(np.uint64) << np.uint64(32)) | (low & 0xFFFFFFFF).astype(np.uint64)
    just_below = -(np.uint64(2**64 - 1) - lower).astype(np.float64) - 1.0
    value = np.where(whole == -1, just_below, lower.astype(np.float64) + whole.astype(np.float64) * WHOLE)
    result: Floats = value / WHOLE
    return result
