"""What cannot be computed in the pass over the bars, and is therefore made before it: a table with one row per bar.

A scan pairs such tables with its bars row by row (POSITIONAL JOIN) and reads their columns like those of the bars. A
stage's own inputs come from a scan that runs before it. Stages lie in the order in which they must be made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from duckbt.compiler.graph import Graph, Type


@dataclass(frozen=True)
class Machine:
    """A recursion of any form: on bar ``first`` of a symbol the state is ``start``, on every later one ``step``.

    ``start`` are nodes of the graph; ``step`` are nodes that may also use ``state`` nodes, the state one bar earlier.
    """

    table: str
    graph: Graph = field(compare=False, repr=False)
    fields: tuple[str, ...]
    types: tuple[Type, ...]
    start: tuple[int, ...]
    step: tuple[int, ...]
    first: int

    @property
    def columns(self) -> list[str]:
        """``machine_0_sar``"""
        return [f"{self.table}_{name}" for name in self.fields]

    def inputs(self) -> list[int]:
        """The largest subexpressions of start and step that do not depend on the state: what the scan computes."""
        found: dict[int, None] = dict.fromkeys(n for n in self.start if self.graph[n].op != "literal")
        stack = list(reversed(self.step))
        while stack:
            node = self.graph[stack.pop()]
            if node.fill:
                stack += reversed(node.args)
            elif node.op != "literal":
                found[node.id] = None
        return list(found)


@dataclass(frozen=True)
class Window:
    """An ordinary window frame over the last ``bars`` bars of a symbol (``sql`` uses x), for what no doubling gives."""

    table: str
    graph: Graph = field(compare=False, repr=False)
    x: int
    bars: int
    sql: str

    @property
    def columns(self) -> list[str]:
        """Its only column."""
        return [f"{self.table}_value"]


@dataclass(frozen=True)
class Other:
    """The value of node ``x`` on another symbol's bars, as of the time of each bar."""

    table: str
    graph: Graph = field(compare=False, repr=False)
    x: int
    symbol: str

    @property
    def columns(self) -> list[str]:
        """Its only column."""
        return [f"{self.table}_value"]


@dataclass
class Frame:
    """A higher timeframe: its own bars, its own graph, and the nodes of it that are wanted on every bar below."""

    timeframe: str
    graph: Graph
    outputs: list[int] = field(default_factory=list)
    calls: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    @property
    def table(self) -> str:
        """``tf_1h``"""
        return f"tf_{self.timeframe}"

    @property
    def columns(self) -> list[str]:
        """One per wanted node."""
        return [f"{self.table}_{number}" for number in range(len(self.outputs))]
