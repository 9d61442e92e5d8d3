"""Kernels that no doubling gives: order statistics of a window, as ordinary window frames made before the scan."""

from __future__ import annotations

from duckbt.compiler import scalars
from duckbt.compiler.graph import Graph
from duckbt.compiler.stages import Window


def rolling_quantile(g: Graph, x: int, n: int, rank: float) -> int:
    """The value of the given rank (1 = least) among the last n bars."""
    if not 1 <= rank <= n or rank != int(rank):
        raise ValueError(f"the rank must be a whole number from 1 to {n}, got {rank}")
    return _staged(g, x, n, f"quantile_disc(x, {(rank - 0.5) / n!r})")


def rolling_rank(g: Graph, x: int, n: int) -> int:
    """How many of the last n bars have a smaller value than the present one, which is one of them."""
    return scalars.call(g, "-", (_staged(g, x, n, "rank(order by x)"), g.literal(1)))


def _staged(g: Graph, x: int, n: int, sql: str) -> int:
    same = [s for s in g.stages if isinstance(s, Window) and (s.x, s.bars, s.sql) == (x, n, sql)]
    stage = same[0] if same else Window(g.name_stage("window"), g, x, n, sql)
    if not same:
        g.stages.append(stage)
    node = g[x]
    settle = None if node.settle is None else node.settle + n - 1
    return g.staged(stage.columns[0], x, first=node.first + n - 1, settle=settle, nullable=node.nullable)
