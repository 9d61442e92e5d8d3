"""A strategy and its parameter sets → ``Program``.

Parameter sets (combos) are rows. Signal conditions, exit conditions and levels that several combos share are
compiled once; a combo only points at them. A single run is one combo.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from duckbt.compiler import scalars
from duckbt.compiler.bind import BAR_COLUMNS, FILL_NAMES, Binder, Bound
from duckbt.compiler.graph import Graph, longest
from duckbt.compiler.layers import Output, literal
from duckbt.compiler.library import Library
from duckbt.compiler.program import Combo, IndicatorInfo, Level, Program, Side, Watched, inside
from duckbt.compiler.scalars import NUMBERS, describe
from duckbt.compiler.syntax import Expr, parse_expression
from duckbt.errors import ExpressionError, StrategyError
from duckbt.sqlfiles import quote_name
from duckbt.strategy.load import StrategyFile
from duckbt.strategy.model import LimitOrder, Parameter

FILL_COLUMNS = {"entry": "entry_price", "direction": "direction"}


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
    program = Program(Graph(file.strategy.bar.seconds))
    program.outputs.append(Output("ts", program.graph.column("ts", *BAR_COLUMNS["ts"]), guard=False))
    compiler = _Compiler(file, library, program)
    for combo_id, parameters in enumerate(parameter_sets):
        compiler.add(combo_id, parameters, keep_indicators)
    return program.only(program.combos)


class _Compiler:
    def __init__(self, file: StrategyFile, library: Library, program: Program) -> None:
        self.file, self.library, self.program = file, library, program
        self.graph = program.graph
        self._flags: dict[int, str] = {}
        self._carried: dict[int, str] = {}
        self._known: dict[tuple[Any, ...], int] = {}
        self._calls: dict[tuple[Any, ...], Bound] = {}
        self._trees: dict[str, Expr] = {}
        self._known_nodes: dict[int, int] = {}

    # -- one parameter set -----------------------------------------------------------------------------------------

    def add(self, combo_id: int, parameters: dict[str, Parameter], keep_indicators: bool) -> None:
        """Bind every expression of the strategy with these parameters."""
        binder = Binder(self.graph, self.library, parameters, {}, (), self._calls)
        for name, text in self.file.strategy.indicators.items():
            self._declare(binder, name, text, keep_indicators)
        leave = self.file.strategy.exit
        sides = self._sides(binder)
        stop = self._level(binder, "stop", leave.stop, leave.stop_price)
        fills = self._with_stop(binder, stop)
        scales = tuple((self._need(self._level(fills, "scale", s.at)), s.fraction) for s in leave.scale_out)
        breakeven = leave.breakeven
        self.program.combos.append(
            Combo(
                combo_id,
                parameters,
                self._signal_set(binder, sides),
                self._exit_set(binder, sides),
                stop=stop,
                target=self._level(fills, "target", leave.target, leave.target_price),
                trail=self._level(fills, "trail", leave.trail),
                trail_after=self._level(fills, "trail_after", leave.trail_after),
                **self._moving(binder),
                breakeven=self._level(fills, "breakeven", breakeven.at) if breakeven else None,
                breakeven_to=self._level(fills, "breakeven_to", None, breakeven.to) if breakeven else None,
                max_bars=self._max_bars(binder),
                size=self._size(fills),
                scales=scales,
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
            if any(column.lower() == other.lower() for other in [*self.program.indicator_columns, *info.columns]):
                raise StrategyError(f"{self.file.path}: {key}: its column {column!r} is there already; choose another name")
            self.program.outputs.append(Output(inside(column), node_id))
            self._carried.setdefault(node_id, inside(column))
            info.columns.append(column)
            info.first_bar = max(info.first_bar, node.first)
            info.stable_after = longest([info.stable_after, node.settle])
        self.program.indicators.append(info)

    # -- expressions -------------------------------------------------------------------------------------------------

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

    def _number(self, binder: Binder, key: str, text: str) -> int:
        node = self._value(binder, key, text)
        if self.graph[node].type not in NUMBERS:
            what = describe(self.graph[node].type)
            raise StrategyError(f"{self.file.path}: {key}: a number is needed, got {what}\n  {text}")
        return node

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

    def _call(self, name: str, *args: int) -> int:
        return scalars.call(self.graph, name, args)

    def _holds(self, node: int) -> int:
        """The condition as plain true or false: false before its warm-up and where it is NULL."""
        g, first = self.graph, self.graph[node].first
        holds = self._call("coalesce", node, g.literal(False)) if g[node].nullable else node
        if first:
            valid = self._call(">=", g.number(), g.literal(first))
            holds = self._call("coalesce", self._call("and", valid, holds), g.literal(False))
        return holds

    # -- signals and exits -------------------------------------------------------------------------------------------

    def _sides(self, binder: Binder) -> dict[int, int]:
        """Direction → condition of entry, filter included."""
        entry = self.file.strategy.entry
        when = self._condition(binder, "entry.when", entry.when)
        sides = {}
        for direction, name in ((1, "long"), (-1, "short")):
            node = self._condition(binder, f"entry.{name}", getattr(entry, name))
            if node is not None:
                sides[direction] = node if when is None else self._call("and", node, when)
        return sides

    def _signal_set(self, binder: Binder, sides: dict[int, int]) -> int:
        """Number of this pair of conditions (and the orders they place) among those already known."""
        placed = self.file.strategy.entry.price
        prices: dict[int, str | None] = {}
        cancel = None
        if not isinstance(placed, str):
            key, text = ("limit", placed.limit) if isinstance(placed, LimitOrder) else ("stop", placed.stop)
            for direction in sides:
                names = binder.names | {"direction": self.graph.literal(direction)}
                sided = Binder(self.graph, self.library, binder.parameters, names, (), self._calls)
                prices[direction] = self._carry(self._number(sided, f"entry.price.{key}", text))
            node = self._condition(binder, "entry.price.cancel", placed.cancel)
            cancel = None if node is None else self._watch("cancel", {0: node})
        self._session(binder)
        known = ("signal", *sorted(sides.items()), *sorted(prices.items()), cancel)
        if known not in self._known:
            number = self._known[known] = sum(k[0] == "signal" for k in self._known)
            flags = {d: self._flag(n) for d, n in sides.items()}
            order = self._known.setdefault(
                ("order", *sorted(prices.items()), cancel), sum(k[0] == "order" for k in self._known)
            )
            for d, flag in flags.items():
                self.program.sides.append(Side(number, d, flag, flags.get(-d), prices.get(d), cancel, order))
        return self._known[known]

    def _exit_set(self, binder: Binder, sides: dict[int, int]) -> int | None:
        leave = self.file.strategy.exit
        exits = {1: self._condition(binder, "exit.long", leave.long), -1: self._condition(binder, "exit.short", leave.short)}
        if leave.reverse:
            for direction in (1, -1):
                opposite, own = sides.get(-direction), sides.get(direction)
                if opposite is not None:
                    turned = opposite if own is None else self._call("and", opposite, self._call("not", self._holds(own)))
                    held = exits[direction]
                    exits[direction] = turned if held is None else self._call("or", self._holds(held), self._holds(turned))
        wanted = {d: n for d, n in exits.items() if n is not None}
        return self._watch("exit", wanted) if wanted else None

    def _session(self, binder: Binder) -> None:
        text = self.file.strategy.exit.flat_when
        node = self._condition(binder, "exit.flat_when", text)
        if node is not None:
            known = self._watch("session", {0: node})
            if self.program.session_set not in (None, known):
                raise StrategyError(f"{self.file.path}: exit.flat_when must be the same for all parameter sets of one scan")
            self.program.session_set = known
            self.program.session_flag = self._flag(self._holds(node))

    def _watch(self, kind: str, conditions: dict[int, int]) -> int:
        """Number of this set of conditions whose stretches are recorded; direction 0 means either side."""
        known = ("watch", kind, *sorted(conditions.items()))
        if known not in self._known:
            number = self._known[known] = sum(k[0] == "watch" for k in self._known)
            g = self.graph
            for direction, node in conditions.items():
                holds = self._holds(node)
                begins = self._call("=", g.number(), g.literal(0))
                differs = self._call("is distinct from", holds, g.lag(holds, 1))
                changes = self._call("case", begins, holds, differs)
                self.program.watched.append(Watched(number, direction, self._flag(holds), self._flag(changes, guard=False)))
        return self._known[known]

    def _flag(self, node: int, guard: bool = True) -> str:
        if node not in self._flags:
            self._flags[node] = f"flag_{len(self._flags)}"
            self.program.outputs.append(Output(self._flags[node], node, guard))
        return self._flags[node]

    # -- levels ------------------------------------------------------------------------------------------------------

    def _with_stop(self, binder: Binder, stop: int | None) -> Binder:
        """A binder that also knows the fill and, as ``stop``, the stop's distance from it."""
        names = dict(binder.names)
        if stop is not None:
            level = self.program.levels[stop]
            node = self._known_nodes[stop]
            if level.is_price:
                entry, direction = (self.graph.add("fill", n, (), FILL_NAMES[n]) for n in ("entry", "direction"))
                node = self._call("*", direction, self._call("-", entry, node))
            names["stop"] = node
        return Binder(self.graph, self.library, binder.parameters, names, ("entry", "direction"), self._calls)

    def _level(self, binder: Binder, role: str, distance: str | None, price: str | None = None) -> int | None:
        """Number of the level; None where the strategy has none."""
        text, is_price = (price, True) if price is not None else (distance, False)
        if text is None:
            return None
        written = {"scale": "scale_out.at", "breakeven": "breakeven.at", "breakeven_to": "breakeven.to"}
        key = f"exit.{written.get(role, f'{role}_price' if is_price else role)}"
        sided = Binder(
            self.graph, self.library, binder.parameters, binder.names, ("entry", "direction"), self._calls
        )  # fmt: skip
        node = self._number(sided, key, text)
        known = ("level", role, node, is_price)
        if known not in self._known:
            number = self._known[known] = len(self.program.levels)
            self.program.levels.append(Level(number, role, self._after_scan(node)[0], is_price))
            self._known_nodes[number] = node
        return self._known[known]

    def _need(self, number: int | None) -> int:
        assert number is not None
        return number

    def _moving(self, binder: Binder) -> dict[str, int | None]:
        """The series of a trail price, and the level it stands at when the trade begins: its value at the signal."""
        both = self.file.strategy.exit.trail_price
        if both is None:
            return {}
        nodes = [
            None if text is None else self._number(binder, f"exit.trail_price.{side}", text)
            for side, text in (("long", both.long), ("short", both.short))
        ]
        known = ("moving", *nodes)
        if known not in self._known:
            self._known[known] = len(self.program.moving)
            self.program.moving.append((nodes[0], nodes[1]))
            columns = [None if n is None else quote_name(self._carry(n)) for n in nodes]
            only = None if None not in columns else 1 if columns[1] is None else -1
            sql = f"if(direction > 0, {columns[0]}, {columns[1]})" if only is None else columns[0] or columns[1] or ""
            self._known["moving level", *nodes] = len(self.program.levels)
            self.program.levels.append(Level(len(self.program.levels), "trail_price", sql, True, only))
        return {"moving": self._known[known], "trail_price": self._known["moving level", *nodes]}

    def _size(self, binder: Binder) -> int:
        size, priority = self.file.strategy.size, self.file.strategy.entry.priority
        if priority is not None:
            self.program.priority = self._after_scan(self._number(binder, "entry.priority", priority))[0]
        sql = self._after_scan(self._number(binder, "size.value", size.value))[0]
        if sql not in self.program.sizes:
            self.program.sizes.append(sql)
        return self.program.sizes.index(sql)

    def _carry(self, node: int) -> str:
        """Name of the scan column that holds the node's value."""
        if node not in self._carried:
            self._carried[node] = f"value_{len(self._carried)}"
            self.program.outputs.append(Output(self._carried[node], node))
        return self._carried[node]

    def _after_scan(self, node_id: int) -> tuple[str, int]:
        """SQL over a candidate's columns: what needs no fill is carried out of the scan as a column.

        A value that is only scaled (``2 * atr``) is carried unscaled, so that a grid of factors shares one column.
        """
        node = self.graph[node_id]
        if node.op == "literal":
            negative = isinstance(node.value, int | float) and node.value < 0
            return literal(node.value), scalars.UNARY if negative else scalars.ATOM
        if node.op == "fill":
            return FILL_COLUMNS[node.value], scalars.ATOM
        varying = [a for a in node.args if self.graph[a].op != "literal"]
        scaled = node.op == "call" and len(varying) == 1 and node_id not in self._carried
        if not node.fill and not scaled:
            return quote_name(self._carry(node_id)), scalars.ATOM
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
