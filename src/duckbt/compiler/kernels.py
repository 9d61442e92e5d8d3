"""The log-depth primitives every indicator is made of, each lowered to pointwise steps and constant lags.

All combine blocks of 1, 2, 4, 8 … bars, so a window of n bars costs about log2(n) streaming lags.
``block(f, x, n)`` is the shared engine: any associative combination of adjacent blocks, several values at once.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

from duckbt.compiler import scalars
from duckbt.compiler.graph import Graph, longest

NEGLIGIBLE = 1e-17  # below double precision: the rest of a decaying sum cannot change it
SETTLED = 1e-8

Values = tuple[int, ...]
Combine = Callable[[Graph, Values, Values, int, int], Values]


def _plus(g: Graph, a: int, b: int) -> int:
    return scalars.call(g, "+", (a, b))


def _minus(g: Graph, a: int, b: int) -> int:
    return scalars.call(g, "-", (a, b))


def _times(g: Graph, a: int, b: int) -> int:
    return scalars.call(g, "*", (a, b))


def _zero(g: Graph, *like: int) -> int:
    """Zero, or NULL where one of ``like`` is NULL."""
    unknown = [_minus(g, x, x) for x in dict.fromkeys(like) if g[x].nullable]
    return functools.reduce(functools.partial(_plus, g), unknown) if unknown else g.literal(0.0)


def block(g: Graph, combine: Combine, start: Values, n: int) -> Values:
    """Combination of the last ``n`` bars by doubling and the binary digits of ``n``.

    ``combine(g, older, newer, bars_older, bars_newer)`` must be associative over adjacent blocks.
    """
    if n == 1:
        first = max(g[s].first for s in start)
        return tuple(g.after(s, first - g[s].first) for s in start)
    power, size, covered = start, 1, 0
    done: Values = ()
    while True:
        if n & size:
            done = combine(g, tuple(g.lag(p, covered) for p in power), done, size, covered) if covered else power
            covered += size
        if covered == n:
            return done
        power = combine(g, tuple(g.lag(p, size) for p in power), power, size, size)
        size *= 2


def idempotent(g: Graph, combine: Combine, start: Values, n: int) -> Values:
    """As ``block``, for combinations that may see a bar twice (min, max): two overlapping blocks suffice.

    The newer block then begins less than its length after the older one; ``combine`` is told by how many bars.
    """
    if n == 1:
        return block(g, combine, start, 1)
    power, size = start, 1
    while size * 2 <= n:
        power = combine(g, tuple(g.lag(p, size) for p in power), power, size, size)
        size *= 2
    return combine(g, tuple(g.lag(p, n - size) for p in power), power, size, n - size) if n > size else power


def add(g: Graph, old: Values, new: Values, m: int, n: int) -> Values:
    """Sums: (sum)."""
    return (_plus(g, old[0], new[0]),)


def weigh(g: Graph, old: Values, new: Values, m: int, n: int) -> Values:
    """Weighted sums: (sum, 1·oldest + 2·next + …). The newer block's weights rise by the bars of the older one."""
    shifted = _plus(g, new[1], _times(g, g.literal(m), new[0]))
    return _plus(g, old[0], new[0]), _plus(g, old[1], shifted)


def spread(g: Graph, old: Values, new: Values, m: int, n: int) -> Values:
    """Spreads: (mean of x, mean of y, sum of products of their deviations); with x alone the sum of squares.

    Chan, Golub, LeVeque 1979: blocks are merged without ever subtracting two large sums, so nothing cancels.
    """
    gaps = [_minus(g, b, a) for a, b in zip(old[:-1], new[:-1], strict=True)]
    means = [_plus(g, a, _times(g, d, g.literal(n / (m + n)))) for a, d in zip(old[:-1], gaps, strict=True)]
    between = _times(g, _times(g, gaps[0], gaps[-1]), g.literal(m * n / (m + n)))
    return *means, _plus(g, _plus(g, old[-1], new[-1]), between)


def tilt(g: Graph, old: Values, new: Values, m: int, n: int) -> Values:
    """Slopes: (mean, sum of place times deviation, places counted from the block's middle). Nothing cancels either."""
    gap = _minus(g, new[0], old[0])
    mean = _plus(g, old[0], _times(g, gap, g.literal(n / (m + n))))
    return mean, _plus(g, _plus(g, old[1], new[1]), _times(g, gap, g.literal(m * n / 2)))


def extreme(name: str) -> Combine:
    """Extremes: (greatest) or (least)."""
    return lambda g, old, new, m, n: (scalars.call(g, name, (old[0], new[0])),)


def aged(name: str, ties: str) -> Combine:
    """Extremes with their place: (extreme, bars since it). ``ties`` compares new with old: true where the new one wins."""

    def combine(g: Graph, old: Values, new: Values, m: int, n: int) -> Values:
        takes_new = scalars.call(g, ties, (new[0], old[0]))
        older = _plus(g, old[1], g.literal(n))
        if not g[takes_new].nullable:
            return tuple(scalars.call(g, "case", (takes_new, a, b)) for a, b in ((new[0], old[0]), (new[1], older)))
        keeps_old = scalars.call(g, "not", (takes_new,))
        age = scalars.call(g, "case", (takes_new, new[1], keeps_old, older, g.literal(None)))
        return scalars.call(g, name, (old[0], new[0])), age

    return combine


def rolling_sum(g: Graph, x: int, n: int) -> int:
    """Sum of the last n bars."""
    return block(g, add, (x,), n)[0]


def rolling_min(g: Graph, x: int, n: int) -> int:
    """Least of the last n bars."""
    return idempotent(g, extreme("least"), (x,), n)[0]


def rolling_max(g: Graph, x: int, n: int) -> int:
    """Greatest of the last n bars."""
    return idempotent(g, extreme("greatest"), (x,), n)[0]


def rolling_weighted_sum(g: Graph, x: int, n: int) -> int:
    """Sum of 1·oldest + 2·next + … + n·newest over the last n bars."""
    return block(g, weigh, (x, x), n)[1]


def rolling_variance(g: Graph, x: int, n: int) -> int:
    """Population variance of the last n bars."""
    return scalars.call(g, "/", (block(g, spread, (x, _zero(g, x)), n)[-1], g.literal(n)))


def rolling_covariance(g: Graph, x: int, y: int, n: int) -> int:
    """Population covariance of the last n bars."""
    return scalars.call(g, "/", (block(g, spread, (x, y, _zero(g, x, y)), n)[-1], g.literal(n)))


def rolling_slope(g: Graph, x: int, n: int) -> int:
    """Slope per bar of the least squares line through the last n bars."""
    return scalars.call(g, "/", (block(g, tilt, (x, _zero(g, x)), n)[1], g.literal(n * (n * n - 1) / 12)))


def rolling_argmax(g: Graph, x: int, n: int) -> int:
    """How many bars ago the greatest of the last n bars was; of equal ones the newest."""
    return idempotent(g, aged("greatest", ">="), (x, _zero(g, x)), n)[1]


def rolling_argmin(g: Graph, x: int, n: int) -> int:
    """How many bars ago the least of the last n bars was; of equal ones the newest."""
    return idempotent(g, aged("least", "<="), (x, _zero(g, x)), n)[1]


def recurrence(g: Graph, x: int, gain: float, decay: float, n: int, weight: float) -> int:
    """y[i] = decay·y[i-1] + gain·x[i], started n-1 bars after x with y = weight · (sum of x's first n values).

    Scan by doubling: Y(m+1)[i] = Y(m)[i] + decay^(2^m) · Y(m)[i - 2^m], until decay^(2^m) is negligible.
    The start value enters as growing weights on the first n inputs, so it costs no extra step.
    """
    if not 0 <= decay < 1 or (decay == 0 and n > 1):
        raise ValueError(f"the decay must be from 0 to below 1, and above 0 for a start of several bars; got {decay}")
    start = g[x].first + n - 1
    at = [g.number(), g.literal(start), g.literal(gain)]
    if n == 1:
        u = scalars.call(g, "seeded once", (x, *at, g.literal(weight)))
    else:
        seed = [g.literal(g[x].first), g.literal(weight), g.literal(decay)]
        u = scalars.call(g, "seeded", (x, *at, *seed))
    y, size, factor = u, 1, decay
    while factor >= NEGLIGIBLE:
        y = _plus(g, y, _times(g, g.literal(factor), g.lag(y, size, 0.0)))
        size, factor = 2 * size, factor * factor
    reach = None if g[x].reach is None else (g[x].reach or 0) + size - 1
    settled = math.ceil(math.log(SETTLED) / math.log(decay)) if decay > 0 else 0
    settle = None if g[x].settle is None else (g[x].settle or 0) + n - 1 + settled
    return g.add("after", ("recurrence", size), (y,), "double", first=start, reach=reach, settle=settle,
                 nullable=g[x].nullable)  # fmt: skip


def affine(g: Graph, a: int, b: int, start: int, bound: float) -> int:
    """y[i] = a[i]·y[i-1] + b[i], with y = ``start`` just before the first bar on which all three are defined.

    Scan by doubling over pairs: two steps (a, b) then (a', b') are the one step (a·a', b·a' + b'). ``bound`` is the
    promised greatest |a| (below 1), so that products of enough of them are negligible.
    """
    if not 0 <= bound < 1:
        raise ValueError(f"the bound of the factor must be from 0 to below 1, got {bound}")
    first = max(g[a].first, g[b].first, g[start].first)
    later = scalars.call(g, ">", (g.number(), g.literal(first)))
    begins = scalars.call(g, "=", (g.number(), g.literal(first)))
    seeded = _plus(g, _times(g, a, start), b)
    scale = scalars.call(g, "case", (later, a, g.literal(0.0)))
    y = scalars.call(g, "case", (later, b, begins, seeded, g.literal(0.0)))
    size, left = 1, bound
    while left >= NEGLIGIBLE:
        y = _plus(g, y, _times(g, scale, g.lag(y, size, 0.0)))
        scale = _times(g, scale, g.lag(scale, size, 0.0))
        size, left = 2 * size, left * left
    nodes = [g[a], g[b], g[start]]
    settled = math.ceil(math.log(SETTLED) / math.log(bound)) if bound > 0 else 0
    return g.add(
        "after", ("affine", size), (y,), "double", first=first, reach=longest((n.reach for n in nodes), size - 1),
        settle=longest((n.settle for n in nodes), settled), nullable=any(n.nullable for n in nodes),
    )  # fmt: skip
