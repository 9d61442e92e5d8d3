"""Kernels without a window: totals, latest values and extremes since the start of a symbol or since a condition.

Each is one or two running aggregates (``over (rows unbounded preceding)``, streaming). A run's bars follow one another
symbol by symbol, so every kernel starts again at a symbol's first bar.
"""

from __future__ import annotations

from duckbt.compiler import scalars
from duckbt.compiler.graph import Graph

_OVER = "over (rows unbounded preceding)"


def _defined(g: Graph, x: int, otherwise: object) -> int:
    """``x``, and ``otherwise`` on the bars before its first."""
    if not g[x].first:
        return x
    known = scalars.call(g, ">=", (g.number(), g.literal(g[x].first)))
    return scalars.call(g, "case", (known, x, g.literal(otherwise)))


def _never(g: Graph, reset: int) -> bool:
    """Whether only a symbol's first bar resets."""
    return g[reset].op == "literal" and not g[reset].value


def _anchor(g: Graph, reset: int) -> int:
    """Bar of the latest reset; a symbol's first bar is one."""
    if _never(g, reset):
        return scalars.call(g, "-", (g.bar(), g.number()))
    begins = scalars.call(g, "=", (g.number(), g.literal(0)))
    held = scalars.call(g, "or", (begins, _defined(g, reset, False)))
    return g.running(f"max(bar) filter (where {{0}}) {_OVER}", (held,), "integer")


def running_sum(g: Graph, x: int) -> int:
    """Sum of all values so far, ``sum_since`` the symbol's first bar."""
    return sum_since(g, x, g.literal(False))


def sum_since(g: Graph, x: int, reset: int) -> int:
    """Sum of the values since the latest bar where ``reset`` holds, that bar included.

    Values are added as whole multiples of 2^-50, so that a total minus the total at the reset is exact and does not
    depend on what came before. NULL after a NULL and after a value beyond 2^49 (5.6e14), until the next reset.
    """
    fixed = scalars.call(g, "fixed", (_defined(g, x, 0.0),))
    total = g.running(f"coalesce(sum({{0}}) {_OVER}, 0)", (fixed,), "fixed")
    before = scalars.call(g, "minus fixed", (total, fixed))
    base = _total_at(g, before, _anchor(g, reset), single="0e0" if _never(g, reset) else "")
    since = scalars.call(g, "from fixed", (total, base))
    unknown = scalars.call(g, "is null", (fixed,))
    latest = g.running(f"coalesce(max(bar) filter (where {{0}}) {_OVER}, -1)", (unknown,), "integer")
    known = scalars.call(g, "<", (latest, _anchor(g, reset)))
    value = scalars.call(g, "case", (known, since, g.literal(None)))
    return g.add("after", "sum", (value,), "double", first=g[x].first, nullable=True)


def _total_at(g: Graph, total: int, anchor: int, single: str) -> int:
    """The total at the anchor bar. It travels as two doubles that together are exact: aggregates are fast on those."""
    here = scalars.call(g, "=", (anchor, g.bar()))
    high = scalars.call(g, "cast double", (total,))
    low = scalars.call(g, "low part", (total, high))
    carried = [
        g.running(f"arg_max({{0}}, bar) filter (where {{1}}) {_OVER}", (part, here), "double", single=single)
        for part in (high, low)
    ]
    return scalars.call(g, "plus fixed", tuple(carried))


def last_where(g: Graph, x: int, condition: int) -> int:
    """Value of ``x`` on the latest bar where ``condition`` holds; NULL where it has not held yet."""
    held = _defined(g, condition, False)
    value = g.running(f"arg_max_null({{0}}, bar) filter (where {{1}}) {_OVER}", (x, held), g[x].type)
    bar = g.running(f"max(bar) filter (where {{0}}) {_OVER}", (held,), "integer")
    of_symbol = scalars.call(g, "-", (g.bar(), g.number()))
    known = scalars.call(g, ">=", (bar, of_symbol))
    found = scalars.call(g, "case", (known, value, g.literal(None)))
    return g.add("after", "last", (found,), g[x].type, first=max(g[x].first, g[condition].first), nullable=True)


def highest_since(g: Graph, x: int, reset: int) -> int:
    """Greatest value since the latest bar where ``reset`` holds, that bar included. NULLs are no values."""
    return _extreme_since(g, x, reset, "asc")


def lowest_since(g: Graph, x: int, reset: int) -> int:
    """Least value since the latest bar where ``reset`` holds, that bar included. NULLs are no values."""
    return _extreme_since(g, x, reset, "desc")


def _extreme_since(g: Graph, x: int, reset: int, order: str) -> int:
    """An extreme that starts anew: the greatest of (anchor, value), because anchors only rise."""
    key = f"create_sort_key({{1}}, 'asc nulls first', {{0}}, '{order} nulls first')"
    value = g.running(f"arg_max_null({{0}}, {key}) {_OVER}", (_defined(g, x, None), _anchor(g, reset)), "double")
    return g.add("after", "extreme", (value,), "double", first=g[x].first)
