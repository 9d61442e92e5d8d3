"""Graph → SQL: one layered SELECT in which every layer holds only streaming windows and pointwise expressions.

Step d of everything shares one layer, so ten indicators cost about as many layers as the deepest one. Each node is
placed as late as that allows: what is carried from layer to layer are then the few columns of the bars rather than many
results. A layer's windows (lags, running aggregates) read columns of the layer below; pointwise expressions stand on
top of them. Only columns that a later layer needs are carried.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from duckbt.compiler import scalars
from duckbt.compiler.graph import Graph
from duckbt.sqlfiles import quote_name, quote_text

_WINDOWS = ("lag", "running")
_NUMBERS = {"number": "n", "bar": "bar"}


def literal(value: Any) -> str:
    """A constant as SQL; numbers with a fraction as DOUBLE (a plain 0.1 would be a DECIMAL)."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        text = repr(value)
        return text if "e" in text else f"{text.removesuffix('.0')}e0"
    return quote_text(value)


@dataclass
class Output:
    """One column of the result. ``guard``: NULL (or false) before the node's first defined bar."""

    name: str
    node: int
    guard: bool = True


@dataclass(frozen=True)
class Layer:
    """One SELECT: its name, its column definitions, and what it reads from."""

    name: str
    columns: list[str]
    source: str


class Layers:
    """Lays out the nodes that ``outputs`` need. ``layers(source)`` gives the SELECTs, the last one with the outputs.

    ``given``: nodes that the source has already, under these names. ``keys``: columns that every layer carries.
    """

    def __init__(
        self,
        graph: Graph,
        outputs: Sequence[Output],
        given: Mapping[int, str] | None = None,
        keys: tuple[str, ...] = ("bar",),
    ) -> None:
        self.graph, self.outputs, self.given, self.keys = graph, outputs, given or {}, keys
        self._roots = [self.real(o.node) for o in outputs]
        self._needed = self._reachable()
        self._columns = self._shared()
        self._level: dict[int, int] = {}
        for node in self._needed:
            self._level[node] = self._place(node)
        self.depth = max([0, *(self._ready(r) for r in self._roots)])
        self._postpone()
        self._guard_lags = True
        self._since = 0
        self._last, self._number_last = self._lifetimes()
        self._names = self._naming()

    def real(self, node: int) -> int:
        """The node that holds the values (``after`` only moves the warm-up)."""
        while self.graph[node].op == "after" and node not in self.given:
            node = self.graph[node].args[0]
        return node

    def _args(self, node: int) -> list[int]:
        """The nodes that hold its arguments' values."""
        return [] if node in self.given else [self.real(a) for a in self.graph[node].args]

    def _reachable(self) -> list[int]:
        seen, stack = set(self._roots), list(self._roots)
        while stack:
            for arg in self._args(stack.pop()):
                if arg not in seen:
                    seen.add(arg)
                    stack.append(arg)
        return sorted(seen)

    def _computed(self, node: int) -> bool:
        """Whether the node is a step of this scan, and not simply there."""
        return self.graph[node].op in ("call", *_WINDOWS) and node not in self.given

    def _shared(self) -> set[int]:
        """Nodes that become columns because a window reads them or they are used more than once."""
        uses: dict[int, int] = {}
        for node in self._needed:
            repeats = self.graph[node].op == "call" and scalars.SCALARS[self.graph[node].value].repeats
            for arg in self._args(node):
                uses[arg] = uses.get(arg, 0) + (2 if repeats or self.graph[node].op in _WINDOWS else 1)
        for root in self._roots:
            uses[root] = uses.get(root, 0) + 1
        return {n for n in self._needed if self._computed(n) and uses.get(n, 0) >= 2}

    def _ready(self, node: int) -> int:
        """The first layer that may use the node."""
        if self.graph[node].op == "literal":
            return 0
        return self._level[node] + (1 if node in self._columns or not self._computed(node) else 0)

    def _place(self, node: int) -> int:
        if not self._computed(node):
            return -1
        return max([0, *(self._ready(a) for a in self._args(node))])

    def _postpone(self) -> None:
        """Move every node to the last layer in which its users find it ready."""
        latest = dict.fromkeys(self._needed, self.depth + 1)
        for root in self._roots:
            latest[root] = self.depth - (root in self._columns)
        for node in reversed(self._needed):
            if not self._computed(node):
                continue
            self._level[node] = latest[node]
            for arg in self._args(node):
                latest[arg] = min(latest[arg], latest[node] - (arg in self._columns))

    def _lifetimes(self) -> tuple[dict[int, int], int]:
        """Last layer that reads each column, and the bar number; what crosses a layer becomes a column."""
        last: dict[int, int] = {}
        number = -1
        reads = [(a, self._level[n]) for n in self._needed for a in self._args(n)]
        reads += [(r, self.depth) for r in self._roots]
        for node, level in reads:
            if self._computed(node) and self._level[node] < level:
                self._columns.add(node)
            last[node] = max(last.get(node, -1), level)
            if self.graph[node].op == "number" and node not in self.given:
                number = max(number, level)
        for node in self._needed:
            if self.graph[node].op == "lag" and self.graph[node].value[1] is not None:
                number = max(number, self._level[node])
        if any(o.guard and self.graph[o.node].first for o in self.outputs):
            number = self.depth
        return last, number

    def _naming(self) -> dict[int, str]:
        names: dict[int, str] = {}
        for node in self._needed:
            if node in self.given:
                names[node] = self.given[node]
            elif self.graph[node].op in ("column", "staged"):
                names[node] = str(self.graph[node].value)
            elif self.graph[node].op in _NUMBERS:
                names[node] = _NUMBERS[self.graph[node].op]
            elif node in self._columns:
                names[node] = f"c{len(names) + 1}"
        return names

    def source_columns(self) -> list[str]:
        """Names of the columns that are read, besides the keys."""
        return [self._names[n] for n in self._needed if n in self.given or self.graph[n].op in ("column", "staged")]

    def staged(self) -> list[str]:
        """Of these, the ones that come from staged tables."""
        return [self._names[n] for n in self._needed if self.graph[n].op == "staged"]

    def _write(self, node: int, level: int) -> tuple[str, int]:
        """SQL of a node inside layer ``level``, and its binding strength."""
        op, value = self.graph[node].op, self.graph[node].value
        if op == "literal":
            text = literal(value)
            return text, scalars.UNARY if text.startswith("-") else scalars.ATOM
        if node in self._names and self._level[node] < level:
            return quote_name(self._names[node]), scalars.ATOM
        if op == "running":
            many, single = value
            arguments = [self._write(a, level)[0] for a in self._args(node)]
            return (many if self._guard_lags else single).format(*arguments), scalars.ATOM
        if op == "lag":
            offset, fill = value
            column = quote_name(self._names[self._args(node)[0]])
            if fill is None:
                return f"lag({column}, {offset}) over ()", scalars.ATOM
            if not self._guard_lags:
                return f"lag({column}, {offset}, {literal(fill)}) over ()", scalars.ATOM
            lag = f"lag({column}, {offset}) over ()"
            return f"case when n >= {offset} then {lag} else {literal(fill)} end", scalars.ATOM
        if value in ("seeded", "seeded once"):
            x, _, start, gain = self._args(node)[:4]
            if self._since > self.graph[start].value:
                return scalars.write("*", [self._write(gain, level), self._write(x, level)])
        return scalars.write(value, [self._write(a, level) for a in self._args(node)])

    def layers(self, source: str, one_symbol: bool = False, since: int = 0) -> list[Layer]:
        """The SELECTs from ``source`` (which has the keys and ``n``) to the outputs, in order; the last is ``scanned``.

        With ``one_symbol`` a window needs no guard against reaching into the symbol before. ``since``: no ``n`` is below
        it, so that what begins before has begun on every row, and nothing asks whether it has.
        """
        self._guard_lags, self._since = not one_symbol, since
        result: list[Layer] = []
        for level in range(self.depth):
            columns = [*self.keys, "n"] if self._number_last > level else list(self.keys)
            for node in self._needed:
                if node not in self._names or self._names[node] in columns or self._last[node] <= level:
                    continue
                name = quote_name(self._names[node])
                if self._level[node] < level:
                    columns.append(name)
                elif self._level[node] == level:
                    columns.append(f"{self._write(node, level)[0]} as {name}")
            result.append(Layer(f"layer_{level}", columns, result[-1].name if result else source))
        final = [*self.keys, *(self._output(o) for o in self.outputs)]
        result.append(Layer("scanned", final, result[-1].name if result else source))
        return result

    def _output(self, output: Output) -> str:
        node = self.graph[output.node]
        text, strength = self._write(self.real(output.node), self.depth)
        first = node.first if output.guard and node.first > self._since else 0
        if node.type == "boolean" and output.guard:
            tested = f"n >= {first} and {text if strength > scalars.AND else f'({text})'}" if first else text
            text = f"coalesce({tested}, false)" if node.nullable or first else text
        elif first:
            text = f"case when n >= {first} then {text} end"
        return f"{text} as {quote_name(output.name)}"
