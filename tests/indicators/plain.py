"""Every kernel in plain Python, one bar after the other, in exact fractions: what the SQL is compared with.

A series is a list of numbers; None stands for NULL. ``first`` of a series is the first bar it is defined on: a kernel
looks at nothing before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

Series = Sequence[Fraction | int | None]


def window(x: Series, first: int, n: int, value: Callable[[list[Fraction]], Fraction | None]) -> list[Fraction | None]:
    """``value`` of the last n bars, NULL where one of them is or where there are fewer."""
    result: list[Fraction | None] = []
    for i in range(len(x)):
        part = x[i - n + 1 : i + 1] if i - n + 1 >= first else [None]
        result.append(None if None in part else value([Fraction(v) for v in part]))
    return result


def mean(v: Sequence[Fraction]) -> Fraction:
    return sum(v, Fraction(0)) / len(v)


def weighted_sum(v: list[Fraction]) -> Fraction:
    return sum((k * x for k, x in enumerate(v, 1)), Fraction(0))


def covariance(v: Sequence[Fraction], w: Sequence[Fraction]) -> Fraction:
    return mean([a * b for a, b in zip(v, w, strict=True)]) - mean(v) * mean(w)


def slope(v: list[Fraction]) -> Fraction | None:
    places = [Fraction(k) for k in range(len(v))]
    return covariance(places, v) / covariance(places, places) if len(v) > 1 else None


def age_of(best: Callable[..., Fraction]) -> Callable[[list[Fraction]], Fraction]:
    return lambda v: Fraction(v[::-1].index(best(v)))


def recurrence(
    x: Series, first: int, gain: Fraction, decay: Fraction, n: int, weight: Fraction, memory: int
) -> list[Fraction | None]:
    """y = decay·y + gain·x from weight · (sum of the first n values); unknown for ``memory`` bars after a NULL."""
    result: list[Fraction | None] = []
    y = Fraction(0)
    for i, value in enumerate(x):
        known = Fraction(value or 0)
        if i == first + n - 1:
            y = weight * sum((Fraction(v or 0) for v in x[first : i + 1]), Fraction(0))
        elif i >= first + n:
            y = decay * y + gain * known
        seen = x[max(first, i - memory + 1) : i + 1]
        result.append(None if i < first + n - 1 or None in seen else y)
    return result


def affine(a: Series, b: Series, start: Series, memory: int) -> list[Fraction | None]:
    """y = a·y + b from ``start`` before bar 0."""
    result: list[Fraction | None] = []
    y: Fraction = Fraction(start[0] or 0)
    for i in range(len(a)):
        y = Fraction(a[i] or 0) * y + Fraction(b[i] or 0)
        seen = [v for s in (a, b) for v in s[max(0, i - memory + 1) : i + 1]] + ([start[0]] if i < memory else [])
        result.append(None if None in seen else y)
    return result


def since(
    x: Series, reset: Sequence[bool], value: Callable[[list[Fraction | None]], Fraction | None]
) -> list[Fraction | None]:
    """``value`` of everything since the latest reset; the first bar is one."""
    result: list[Fraction | None] = []
    begin = 0
    for i in range(len(x)):
        begin = i if reset[i] else begin
        result.append(value([None if v is None else Fraction(v) for v in x[begin : i + 1]]))
    return result


def total(values: list[Fraction | None]) -> Fraction | None:
    known = [v for v in values if v is not None]
    return sum(known, Fraction(0)) if len(known) == len(values) else None


def best(choose: Callable[..., Fraction]) -> Callable[[list[Fraction | None]], Fraction | None]:
    return lambda values: choose((v for v in values if v is not None), default=None)


def last_where(x: Series, condition: Sequence[bool]) -> list[Fraction | int | None]:
    result: list[Fraction | int | None] = []
    held: Fraction | int | None = None
    for value, holds in zip(x, condition, strict=True):
        held = value if holds else held
        result.append(held)
    return result
