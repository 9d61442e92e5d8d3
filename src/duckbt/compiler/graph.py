"""The expression graph: every distinct computation is one node, whoever asked for it.

Nodes are values per bar. Equal subexpressions are one node (interning), so work is shared by construction.
Each node knows, before any data is seen:

* ``first``   – number of the first bar of a symbol on which its value is defined (warm-up, 0 = the first bar);
* ``reach``   – how many bars before the current one its value depends on (None: back to the first bar);
* ``settle``  – bars until the start value's influence is below 1e-8 (None: never);
* ``nullable`` – whether it may be NULL after ``first`` (division by zero, missing volume);
* ``fill``    – whether it needs the fill (``entry``, ``direction``, ``stop``) and so comes after the scan.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

Type = str  # double, integer, boolean, text, timestamp, date, time, null

LONGEST_LAG = 1024  # a streaming lag reaches 2047 rows; longer ones are chains of this


@dataclass(frozen=True)
class Node:
    """One computation. ``op``: column, literal, number, fill, call, lag, after, staged."""

    id: int
    op: str
    value: Any
    args: tuple[int, ...]
    type: Type
    first: int = 0
    reach: int | None = 0
    settle: int | None = 0
    nullable: bool = False
    fill: bool = False


class Graph:
    """Interned nodes; ``graph[id]`` gives the node."""

    def __init__(self) -> None:
        self._nodes: list[Node] = []
        self._ids: dict[tuple[Any, ...], int] = {}

    def __getitem__(self, node_id: int) -> Node:
        return self._nodes[node_id]

    def __len__(self) -> int:
        return len(self._nodes)

    def add(
        self,
        op: str,
        value: Any = None,
        args: tuple[int, ...] = (),
        type: Type = "double",
        *,
        first: int | None = None,
        reach: int | None = -1,
        settle: int | None = -1,
        nullable: bool | None = None,
    ) -> int:
        """Id of the node, new or known. Attributes not given follow from the arguments (their maximum)."""
        key = (op, value.__class__.__name__, value, args)
        if key in self._ids:
            return self._ids[key]
        nodes = [self._nodes[a] for a in args]
        node = Node(
            len(self._nodes),
            op,
            value,
            args,
            type,
            max((n.first for n in nodes), default=0) if first is None else first,
            longest([n.reach for n in nodes]) if reach == -1 else reach,
            longest([n.settle for n in nodes]) if settle == -1 else settle,
            any(n.nullable for n in nodes) if nullable is None else nullable,
            op == "fill" or any(n.fill for n in nodes),
        )
        self._nodes.append(node)
        self._ids[key] = node.id
        return node.id

    def column(self, name: str, type: Type, nullable: bool = False) -> int:
        """A column of the bars."""
        return self.add("column", name, (), type, nullable=nullable)

    def literal(self, value: Any) -> int:
        """A constant: number, truth value, text or NULL."""
        if value is None:
            return self.add("literal", None, (), "null", nullable=True)
        if isinstance(value, bool):
            return self.add("literal", value, (), "boolean")
        if isinstance(value, str):
            return self.add("literal", value, (), "text")
        if isinstance(value, float) and not math.isfinite(value):
            return self.literal(None)
        return self.add("literal", value, (), "integer" if isinstance(value, int) else "double")

    def number(self) -> int:
        """The bar's number within its symbol, from 0."""
        return self.add("number", None, (), "integer")

    def lag(self, node: int, offset: int, fill: float | None = None) -> int:
        """Value ``offset`` bars earlier. ``fill`` stands in before the symbol's first bar (a scan's identity)."""
        arg = self._nodes[node]
        if offset == 0:
            return node
        if arg.op == "literal" and fill is None:
            return node
        if offset > LONGEST_LAG and (offset - LONGEST_LAG) + LONGEST_LAG == offset:
            return self.lag(self.lag(node, LONGEST_LAG, fill), offset - LONGEST_LAG, fill)
        return self.add(
            "lag",
            (offset, fill),
            (node,),
            arg.type,
            first=arg.first + offset if fill is None else arg.first,
            reach=None if arg.reach is None else arg.reach + offset,
            settle=None if arg.settle is None else arg.settle + offset,
        )

    def after(self, node: int, bars: int) -> int:
        """The same values, taken as defined only ``bars`` bars later (delays a seed)."""
        arg = self._nodes[node]
        return self.add("after", bars, (node,), arg.type, first=arg.first + bars) if bars else node

    def constant(self, node: int) -> Any:
        """The value of a literal node; raises KeyError for anything else."""
        if self._nodes[node].op != "literal":
            raise KeyError(node)
        return self._nodes[node].value


def longest(values: list[int | None]) -> int | None:
    """Maximum where None means without end."""
    return None if any(v is None for v in values) else max((v for v in values if v is not None), default=0)
