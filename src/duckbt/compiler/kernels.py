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
        d = _minus(g, new[0], old[0])
        mean = _plus(g, old[0], _times(g, d, g.literal(n / (m + n))))
        spread = _times(g, _times(g, d, d), g.literal(m * n / (m + n)))
        return mean, _plus(g, _plus(g, old[1], new[1]), spread)

    return scalars.call(g, "/", (block(g, combine, (x, _zero(g, x)), n)[1], g.literal(n)))


def rolling_covariance(g: Graph, x: int, y: int, n: int) -> int:
    """Population covariance of the last n bars, carried as (mean of x, mean of y, sum of products of deviations)."""

    def combine(g: Graph, old: Values, new: Values, m: int, n: int) -> Values:
        dx, dy = _minus(g, new[0], old[0]), _minus(g, new[1], old[1])
        share = g.literal(n / (m + n))
        means = [_plus(g, o, _times(g, d, share)) for o, d in ((old[0], dx), (old[1], dy))]
        product = _times(g, _times(g, dx, dy), g.literal(m * n / (m + n)))
        return means[0], means[1], _plus(g, _plus(g, old[2], new[2]), product)

    return scalars.call(g, "/", (block(g, combine, (x, y, _zero(g, x, y)), n)[2], g.literal(n)))


def rolling_slope(g: Graph, x: int, n: int) -> int:
    """Slope per bar of the least squares line through the last n bars, carried as (mean, sum of place times deviation).

    As for the variance, blocks are merged around their own means, so the level of the prices does not cancel.
    """

    def combine(g: Graph, old: Values, new: Values, m: int, n: int) -> Values:
        d = _minus(g, new[0], old[0])
        mean = _plus(g, old[0], _times(g, d, g.literal(n / (m + n))))
        return mean, _plus(g, _plus(g, old[1], new[1]), _times(g, d, g.literal(m * n / 2)))

    return scalars.call(g, "/", (block(g, combine, (x, _zero(g, x)), n)[1], g.literal(n * (n * n - 1) / 12)))


def _age_of_extreme(better: str, ties: str) -> Combine:
    def combine(g: Graph, old: Values, new: Values, m: int, n: int) -> Values:
        value = scalars.call(g, better, (old[0], new[0]))
        takes_new = scalars.call(g, ties, (new[0], old[0]))
        keeps_old = scalars.call(g, "not", (takes_new,))
        older = _plus(g, old[1], g.literal(n))
        return value, scalars.call(g, "case", (takes_new, new[1], keeps_old, older, g.literal(None)))

    return combine


def rolling_argmax(g: Graph, x: int, n: int) -> int:
    """How many bars ago the greatest of the last n bars was; of equal ones the newest."""
    return block(g, _age_of_extreme("greatest", ">="), (x, g.literal(0)), n)[1]


def rolling_argmin(g: Graph, x: int, n: int) -> int:
    """How many bars ago the least of the last n bars was; of equal ones the newest."""
    return block(g, _age_of_extreme("least", "<="), (x, g.literal(0)), n)[1]


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


def affine(g: Graph, a: int, b: int, start: int, bound: float) -> int:
    """y[i] = a[i]·y[i-1] + b[i], with y = ``start`` just before the first bar on which all three are defined.

    Scan by doubling over pairs: two steps (a, b) then (a', b') are the one step (a·a', b·a' + b'). ``bound`` is the
    promised greatest |a| (below 1), so that products of enough of them are negligible.
    """
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
