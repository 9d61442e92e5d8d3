"""The log-depth primitives every indicator is made of, each lowered to pointwise steps and constant lags.

All combine blocks of 1, 2, 4, 8 … bars, so a window of n bars costs about log2(n) streaming lags.
``block(f, x, n)`` is the shared engine: any associative combination of adjacent blocks, several values at once.
"""

from __future__ import annotations

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


def _times(g: Graph, a: int, b: int) -> int:
    return scalars.call(g, "*", (a, b))


def block(g: Graph, combine: Combine, start: Values, n: int) -> Values:
    """Combination of the last ``n`` bars by doubling and the binary digits of ``n``.

    ``combine(g, older, newer, bars_older, bars_newer)`` must be associative over adjacent blocks.
    """
    if n == 1:
        return start
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
    """As ``block``, for combinations that may see a bar twice (min, max): two overlapping blocks suffice."""
    power, size = start, 1
    while size * 2 <= n:
        power = combine(g, tuple(g.lag(p, size) for p in power), power, size, size)
        size *= 2
    return combine(g, tuple(g.lag(p, n - size) for p in power), power, size, size) if n > size else power


def _add(g: Graph, old: Values, new: Values, m: int, n: int) -> Values:
    return (_plus(g, old[0], new[0]),)


def _extreme(name: str) -> Combine:
    return lambda g, old, new, m, n: (scalars.call(g, name, (old[0], new[0])),)


def rolling_sum(g: Graph, x: int, n: int) -> int:
    """Sum of the last n bars."""
    return block(g, _add, (x,), n)[0]


def rolling_min(g: Graph, x: int, n: int) -> int:
    """Least of the last n bars."""
    return idempotent(g, _extreme("least"), (x,), n)[0]


def rolling_max(g: Graph, x: int, n: int) -> int:
    """Greatest of the last n bars."""
    return idempotent(g, _extreme("greatest"), (x,), n)[0]


def rolling_weighted_sum(g: Graph, x: int, n: int) -> int:
    """Sum of 1·oldest + 2·next + … + n·newest over the last n bars, carried as (sum, weighted sum)."""

    def combine(g: Graph, old: Values, new: Values, m: int, n: int) -> Values:
        shifted = _plus(g, new[1], _times(g, g.literal(m), new[0]))
        return _plus(g, old[0], new[0]), _plus(g, old[1], shifted)

    return block(g, combine, (x, x), n)[1]


def rolling_variance(g: Graph, x: int, n: int) -> int:
    """Population variance of the last n bars, carried as (mean, sum of squared deviations).

    Chan, Golub, LeVeque 1979: blocks are merged without ever subtracting two large sums, so nothing cancels.
    """

    def combine(g: Graph, old: Values, new: Values, m: int, n: int) -> Values:
        d = scalars.call(g, "-", (new[0], old[0]))
        mean = _plus(g, old[0], _times(g, d, g.literal(n / (m + n))))
        spread = _times(g, _times(g, d, d), g.literal(m * n / (m + n)))
        return mean, _plus(g, _plus(g, old[1], new[1]), spread)

    zero = scalars.call(g, "-", (x, x)) if g[x].nullable else g.literal(0.0)
    return scalars.call(g, "/", (block(g, combine, (x, zero), n)[1], g.literal(n)))


def recurrence(g: Graph, x: int, gain: float, decay: float, n: int, weight: float) -> int:
    """y[i] = decay·y[i-1] + gain·x[i], started n-1 bars after x with y = weight · (sum of x's first n values).

    Scan by doubling: Y(m+1)[i] = Y(m)[i] + decay^(2^m) · Y(m)[i - 2^m], until decay^(2^m) is negligible.
    The start value enters as growing weights on the first n inputs, so it costs no extra step.
    """
    start = g[x].first + n - 1
    at = [g.number(), g.literal(start), g.literal(gain)]
    if n == 1 or decay == 0:
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


def deepest(g: Graph, nodes: list[int]) -> int | None:
    """Bars before the current one that any of the nodes depends on (None: back to the first bar)."""
    return longest([g[n].reach for n in nodes])
