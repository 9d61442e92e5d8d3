"""The expression graph: every distinct computation is one node, whoever asked for it.

Nodes are values per bar. Equal subexpressions are one node (interning), so work is shared by construction.
Each node knows, before any data is seen:

* ``first``   – number of the first bar of a symbol on which its value is defined (warm-up, 0 = the first bar);
* ``reach``   – how many bars before the current one its value depends on (None: back to the first bar);
* ``settle``  – bars until the start value's influence is below 1e-8 (None: never);
* ``nullable`` – whether it may be NULL after ``first`` (division by zero, missing volume);
* ``fill``    – whether it needs the fill (``entry``, ``direction``, ``stop``) or a machine's state, neither of which
  a scan over the bars knows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

Type = str  # double, integer, boolean, text, timestamp, date, time, null

LONGEST_LAG = 1024  # a streaming lag reaches 2047 rows; longer ones are chains of this


@dataclass(frozen=True)
class Node:
    """One computation. ``op``:

    * column, staged – a column of the bars, or of a table made before the scan (``value`` names it);
    * literal, number, bar – a constant, the bar's number within its symbol, and its number in the run;
    * call – a pointwise function (``scalars``);  lag – the value some bars earlier;
    * running – an aggregate over all bars so far (``value``: its SQL, and the SQL that will do for a single symbol);
    * after – its argument, with other attributes;
    * fill, state – known only at the fill, only inside a machine.
    """

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


class Stage(Protocol):
    """A table with one row per bar, in order, made before the scan that reads its columns (see ``stages``)."""

    @property
    def table(self) -> str:
        """Its name."""
        ...

    @property
    def columns(self) -> list[str]:
        """Names of the value columns."""
        ...


class Graph:
    """Interned nodes; ``graph[id]`` gives the node.

    ``seconds``: length of the bars they run along; ``frame``: name of a timeframe above the run's own bars.
    """

    def __init__(self, seconds: int = 60, frame: str = "") -> None:
        self.seconds, self.frame = seconds, frame
        self._nodes: list[Node] = []
        self._ids: dict[tuple[Any, ...], int] = {}
        self.stages: list[Stage] = []

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
            op in ("fill", "state") or any(n.fill for n in nodes),
        )
        self._nodes.append(node)
        self._ids[key] = node.id
        return node.id

    @property
    def columns(self) -> set[str]:
        """Names of the columns of the bars that nodes use."""
        return {str(n.value) for n in self._nodes if n.op == "column"}

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

    def bar(self) -> int:
        """The bar's number in the run: it rises from symbol to symbol."""
        return self.add("bar", None, (), "integer")

    def running(self, sql: str, args: tuple[int, ...], type: Type, *, single: str = "", first: int = 0) -> int:
        """An aggregate over all bars so far, other symbols' earlier bars included. It depends on the first bar for ever."""
        nullable = any(self._nodes[a].nullable for a in args)
        return self.add("running", (sql, single or sql), args, type, first=first, reach=None, settle=None, nullable=nullable)

    def name_stage(self, kind: str) -> str:
        """A table name no other stage has: ``machine_0``, or ``machine_0_1h`` above the run's own bars."""
        return "_".join(part for part in (kind, str(len(self.stages)), self.frame) if part)

    def staged(self, column: str, like: int, *, first: int = 0, settle: int | None = None, nullable: bool = True) -> int:
        """A column of a stage, of the type of node ``like``. A scan finds it ready on every bar: its reach is 0."""
        type_ = self._nodes[like].type
        return self.add("staged", column, (), type_, first=first, reach=0, settle=settle, nullable=nullable)

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

    def since_start(self, node: int) -> int:
        """The same values, taken as defined from the first bar on, where the expression sees to that bar itself."""
        return self.add("after", "start", (node,), self._nodes[node].type, first=0)

    def constant(self, node: int) -> Any:
        """The value of a literal node; raises KeyError for anything else."""
        if self._nodes[node].op != "literal":
            raise KeyError(node)
        return self._nodes[node].value


def longest(values: Iterable[int | None], more: int = 0) -> int | None:
    """Maximum plus ``more``, where None means without end."""
    known = list(values)
    return None if None in known else max((v for v in known if v is not None), default=0) + more
