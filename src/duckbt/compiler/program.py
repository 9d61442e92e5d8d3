"""A strategy and its parameter sets → everything the SQL stages need: one scan, and rules over its rows.

Parameter sets (combos) are rows. Signal conditions, exit conditions and levels that several combos share are
compiled once; a combo only points at them. A single run is one combo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from duckbt.compiler import scalars
from duckbt.compiler.bind import BAR_COLUMNS, FILL_NAMES, Binder, Bound
from duckbt.compiler.graph import Graph, longest
from duckbt.compiler.layers import Layers, Output, literal
from duckbt.compiler.library import Library
from duckbt.compiler.scalars import NUMBERS, describe
from duckbt.compiler.syntax import parse_expression
from duckbt.errors import ExpressionError, StrategyError
from duckbt.sqlfiles import quote_name
from duckbt.strategy.load import StrategyFile
from duckbt.strategy.model import Parameter


@dataclass
class Level:
    """A stop or target: SQL over a candidate's columns, as distance from the fill or as price.

    ``stop`` is the number of the stop whose distance a target's SQL uses.
    """

    sql: str
    is_price: bool
    stop: int | None = None
    signal_sets: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Side:
    """One direction of a signal set."""

    number: int
    direction: int
    flag: str
    other: str | None


@dataclass(frozen=True)
class ExitChange:
    """One direction of an exit set: ``flag`` holds on a bar, ``changes`` marks the bars where that begins or ends."""

    number: int
    direction: int
    flag: str
    changes: str


@dataclass(frozen=True)
class Combo:
    """One parameter set, pointing at the shared parts (None: the strategy has none)."""

    combo_id: int
    parameters: dict[str, Parameter]
    signal_set: int
    exit_set: int | None
    stop: int | None
    target: int | None
    max_bars: int | None


@dataclass
class IndicatorInfo:
    """What the run manifest says of a declared indicator."""

    name: str
    expression: str
    columns: list[str]
    first_bar: int
    stable_after: int | None


@dataclass
class Program:
    """The compiled strategy. ``scan`` columns: flags, declared indicators, and values that levels need."""

    graph: Graph
    outputs: list[Output] = field(default_factory=list)
    signal_sets: list[tuple[str | None, str | None]] = field(default_factory=list)
    exit_sets: list[tuple[str | None, str | None]] = field(default_factory=list)
    stops: list[Level] = field(default_factory=list)
    targets: list[Level] = field(default_factory=list)
    combos: list[Combo] = field(default_factory=list)
    indicators: list[IndicatorInfo] = field(default_factory=list)

    @property
    def indicator_names(self) -> list[str]:
        """As declared, in order."""
        return [i.name for i in self.indicators]

    @property
    def indicator_columns(self) -> list[str]:
        """Scan columns with the declared indicators' values (``name`` or ``name_output``)."""
        return [c for i in self.indicators for c in i.columns]

    @property
    def reach(self) -> int | None:
        """How many earlier bars a scanned row depends on."""
        return longest([self.graph[o.node].reach for o in self.outputs])

    @property
    def carried(self) -> list[str]:
        """Scan columns that candidates keep: indicators and the values levels need."""
        flags = {f for pair in (*self.signal_sets, *self.exit_sets) for f in pair}
        flags |= {c.changes for c in self.exit_changes} | {"ts"}
        return [o.name for o in self.outputs if o.name not in flags]

    @property
    def conditions(self) -> list[str]:
        """Flags of which one must be true for the scan to keep a bar."""
        flags = [f for pair in self.signal_sets for f in pair if f]
        return list(dict.fromkeys(flags + [c.changes for c in self.exit_changes]))

    @property
    def sides(self) -> list[Side]:
        """Every (signal set, direction) with its flag and the opposite flag."""
        sides = []
        for number, (long, short) in enumerate(self.signal_sets):
            sides += [Side(number, 1, long, short)] if long else []
            sides += [Side(number, -1, short, long)] if short else []
        return sides

    @property
    def exit_changes(self) -> list[ExitChange]:
        """Every (exit set, direction) with its flag and the flag that marks a change."""
        changes = []
        for number, pair in enumerate(self.exit_sets):
            changes += [ExitChange(number, d, f, f"{f}_changes") for d, f in zip((1, -1), pair, strict=True) if f]
        return changes

    def levels(self, role: str) -> list[Level]:
        """Stops or targets, each with the signal sets that ask for it."""
        levels = self.stops if role == "stop" else self.targets
        for number, level in enumerate(levels):
            level.signal_sets = sorted({c.signal_set for c in self.combos if getattr(c, role) == number})
        return levels

    def layers(self) -> Layers:
        """The scan, laid out."""
        return Layers(self.graph, self.outputs)

    def types(self) -> dict[str, str]:
        """SQL type of every scan column."""
        sql = {"double": "double", "integer": "double", "boolean": "boolean", "null": "double", "text": "varchar"}
        return {o.name: sql.get(self.graph[o.node].type, self.graph[o.node].type) for o in self.outputs}


def compile_strategy(
    file: StrategyFile,
    library: Library,
    parameter_sets: Sequence[dict[str, Parameter]],
    *,
    keep_indicators: bool = True,
) -> Program:
    """Compile all parameter sets into one program. Raises StrategyError with file, key and spot.

    ``keep_indicators``: the scan carries the declared indicators' values (only sensible for one parameter set).
    """
    program = Program(Graph())
    program.outputs.append(Output("ts", program.graph.column("ts", *BAR_COLUMNS["ts"]), guard=False))
    compiler = _Compiler(file, library, program)
    for combo_id, parameters in enumerate(parameter_sets):
        compiler.add(combo_id, parameters, keep_indicators)
    return program


class _Compiler:
    def __init__(self, file: StrategyFile, library: Library, program: Program) -> None:
        self.file, self.library, self.program = file, library, program
        self.graph = program.graph
        self._flags: dict[int, str] = {}
        self._carried: dict[int, str] = {}
        self._shared: dict[tuple[Any, ...], int] = {}
        self._calls: dict[tuple[Any, ...], Bound] = {}
        self._trees: dict[str, Any] = {}

    def add(self, combo_id: int, parameters: dict[str, Parameter], keep_indicators: bool) -> None:
        strategy = self.file.strategy
        binder = Binder(self.graph, self.library, parameters, {}, (), self._calls)
        for name, text in strategy.indicators.items():
            self._declare(binder, name, text, keep_indicators)
        entry, leave = strategy.entry, strategy.exit
        when = self._condition(binder, "entry.when", entry.when)
        sides = [self._condition(binder, f"entry.{s}", getattr(entry, s)) for s in ("long", "short")]
        sides = [self._both(s, when) for s in sides]
        exits = [self._condition(binder, f"exit.{s}", getattr(leave, s)) for s in ("long", "short")]
        stop = self._level(binder, "stop")
        target = self._level(binder, "target", stop)
        self.program.combos.append(
            Combo(
                combo_id,
                parameters,
                self._set("signal", self.program.signal_sets, sides),
                None if exits == [None, None] else self._set("exit", self.program.exit_sets, exits, watch=True),
                stop,
                target,
                self._max_bars(binder),
            )
        )

    def _declare(self, binder: Binder, name: str, text: str, keep: bool) -> None:
        key = f"indicators.{name}"
        if name.lower() in BAR_COLUMNS or name.lower() in FILL_NAMES or name.lower() in binder.names:
            raise StrategyError(f"{self.file.path}: {key}: the name {name!r} is taken; choose another one")
        bound = self._bind(binder, key, text)
        binder.names[name.lower()] = bound
        if not keep:
            return
        outputs = {f"{name}_{k}": v for k, v in bound.items()} if isinstance(bound, dict) else {name: bound}
        info = IndicatorInfo(name, text, [], 0, 0)
        for column, node_id in outputs.items():
            node = self.graph[node_id]
            self.program.outputs.append(Output(column, node_id))
            self._carried.setdefault(node_id, column)
            info.columns.append(column)
            info.first_bar = max(info.first_bar, node.first)
            info.stable_after = longest([info.stable_after, node.settle])
        self.program.indicators.append(info)

    def _bind(self, binder: Binder, key: str, text: str) -> Bound:
        try:
            if text not in self._trees:
                self._trees[text] = parse_expression(text)
            return binder.bind(self._trees[text])
        except ExpressionError as error:
            raise StrategyError(f"{self.file.path}: {key}: {error.show()}") from None

    def _value(self, binder: Binder, key: str, text: str) -> int:
        bound = self._bind(binder, key, text)
        return next(iter(bound.values())) if isinstance(bound, dict) else bound

    def _condition(self, binder: Binder, key: str, text: str | None) -> int | None:
        if text is None:
            return None
        node = self._value(binder, key, text)
        if self.graph[node].type not in ("boolean", "null"):
            what = describe(self.graph[node].type)
            raise StrategyError(
                f"{self.file.path}: {key}: a condition (true or false) is needed, got {what}\n  {text}\n"
                "  compare it with something, as in rsi14 < 30"
            )
        return node

    def _both(self, side: int | None, when: int | None) -> int | None:
        return side if side is None or when is None else scalars.call(self.graph, "and", (side, when))

    def _set(
        self, kind: str, sets: list[tuple[str | None, str | None]], nodes: list[int | None], watch: bool = False
    ) -> int:
        """Number of this pair of conditions among those already known."""
        key = (kind, *nodes)
        if key not in self._shared:
            self._shared[key] = len(sets)
            names = [None if n is None else self._watched(n) if watch else self._flag(n) for n in nodes]
            sets.append((names[0], names[1]))
        return self._shared[key]

    def _flag(self, node: int) -> str:
        if node not in self._flags:
            self._flags[node] = f"flag_{len(self._flags)}"
            self.program.outputs.append(Output(self._flags[node], node))
        return self._flags[node]

    def _watched(self, node: int) -> str:
        """A flag with a second one that marks the bars where it changes (a symbol's first bar changes from false)."""
        g, first = self.graph, self.graph[node].first
        holds = scalars.call(g, "coalesce", (node, g.literal(False))) if g[node].nullable else node
        if first:
            valid = scalars.call(g, ">=", (g.number(), g.literal(first)))
            holds = scalars.call(g, "coalesce", (scalars.call(g, "and", (valid, holds)), g.literal(False)))
        begins = scalars.call(g, "=", (g.number(), g.literal(0)))
        differs = scalars.call(g, "is distinct from", (holds, g.lag(holds, 1)))
        name = self._flag(holds)
        changes = scalars.call(g, "case", (begins, holds, differs))
        if f"{name}_changes" not in self._flags.values():
            self._flags[changes] = f"{name}_changes"
            self.program.outputs += [Output(f"{name}_changes", changes, guard=False)]
            next(o for o in self.program.outputs if o.name == name).guard = False
        return name

    def _level(self, binder: Binder, side: str, stop: int | None = None) -> int | None:
        """Number of the level; None where the strategy has none."""
        leave = self.file.strategy.exit
        distance, price = getattr(leave, side), getattr(leave, f"{side}_price")
        text, is_price = (price, True) if price is not None else (distance, False)
        if text is None:
            return None
        key = f"exit.{side}_price" if is_price else f"exit.{side}"
        has_stop = side != "stop" and (leave.stop is not None or leave.stop_price is not None)
        fills = ("entry", "direction", "stop") if has_stop else ("entry", "direction")
        node = self._value(Binder(self.graph, self.library, binder.parameters, binder.names, fills, self._calls), key, text)
        if self.graph[node].type not in NUMBERS:
            raise StrategyError(
                f"{self.file.path}: {key}: a number is needed, got {describe(self.graph[node].type)}\n  {text}"
            )
        levels = self.program.stops if side == "stop" else self.program.targets
        shared = (side, node, is_price, stop if self._uses_stop(node) else None)
        if shared not in self._shared:
            self._shared[shared] = len(levels)
            levels.append(Level(self._after_scan(node)[0], is_price, shared[3]))
        return self._shared[shared]

    def _uses_stop(self, node: int) -> bool:
        current = self.graph[node]
        return current.fill and (current.value == "stop" or any(self._uses_stop(a) for a in current.args))

    def _after_scan(self, node_id: int) -> tuple[str, int]:
        """SQL over a candidate's columns: what needs no fill is carried out of the scan as a column.

        A value that is only scaled (``2 * atr``) is carried unscaled, so that a grid of factors shares one column.
        """
        node = self.graph[node_id]
        if node.op == "literal":
            return literal(node.value), scalars.UNARY if isinstance(node.value, int | float) and node.value < 0 else 100
        if node.op == "fill":
            return {"entry": "entry_price", "direction": "direction", "stop": "stop_distance"}[node.value], 100
        varying = [a for a in node.args if self.graph[a].op != "literal"]
        scaled = node.op == "call" and len(varying) == 1 and node_id not in self._carried
        if not node.fill and not scaled:
            if node_id not in self._carried:
                self._carried[node_id] = f"value_{len(self._carried)}"
                self.program.outputs.append(Output(self._carried[node_id], node_id))
            return quote_name(self._carried[node_id]), 100
        return scalars.write(node.value, [self._after_scan(a) for a in node.args])

    def _max_bars(self, binder: Binder) -> int | None:
        text = self.file.strategy.exit.max_bars
        if text is None:
            return None
        node = self.graph[self._value(binder, "exit.max_bars", text)]
        value = node.value if node.op == "literal" else None
        if not isinstance(value, int | float) or isinstance(value, bool) or value != int(value) or value < 1:
            raise StrategyError(f"{self.file.path}: exit.max_bars: a whole number of bars (1 or more) is needed\n  {text}")
        return int(value)
