"""Trees → graph: names are resolved, parameters put in, indicators unfolded down to kernels.

Anything a strategy may not say is refused here, with its position: unknown names, look-ahead, wrong types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from duckbt.compiler import scalars
from duckbt.compiler.forms import FORMS
from duckbt.compiler.graph import Graph
from duckbt.compiler.kerneltable import KERNELS, MOST_BARS, Kernel
from duckbt.compiler.library import Indicator, Library
from duckbt.compiler.syntax import Expr, parse_expression
from duckbt.errors import ExpressionError, did_you_mean

BAR_COLUMNS = {
    "symbol": ("text", False), "ts": ("timestamp", False), "open": ("double", False), "high": ("double", False),
    "low": ("double", False), "close": ("double", False), "volume": ("double", True),
}  # fmt: skip
FILL_NAMES = {"entry": "double", "direction": "integer", "stop": "double"}  # known only at the fill

Bound = int | dict[str, int]  # a node, or the named outputs of an indicator

LOOKING_AHEAD = {"lead", "next", "shift_back", "future", "first_value", "last_value", "nth_value"}


@dataclass
class Binder:
    """Binds trees into one graph. ``names`` maps declared names; ``parameters`` are the run's values.

    ``outside``: names that exist, but not on the bars of this graph (inside ``tf``). ``calls`` are the indicator calls
    bound so far, ``open`` those being bound.
    """

    graph: Graph
    library: Library
    parameters: Mapping[str, Any] = field(default_factory=dict)
    names: dict[str, Bound] = field(default_factory=dict)
    fills: tuple[str, ...] = ()
    calls: dict[tuple[Any, ...], Bound] = field(default_factory=dict)
    open: tuple[str, ...] = ()
    outside: frozenset[str] = frozenset()

    def value(self, tree: Expr) -> int:
        """Node of an expression; of several outputs the first."""
        bound = self.bind(tree)
        return next(iter(bound.values())) if isinstance(bound, dict) else bound

    def bind(self, tree: Expr) -> Bound:
        """Node or outputs of a tree. Raises ExpressionError at the offending spot."""
        if tree.kind == "literal":
            return self.graph.literal(tree.value)
        if tree.kind == "parameter":
            if tree.value not in self.parameters:
                known = ", ".join(f"${p}" for p in self.parameters) or "none are declared"
                raise tree.error(
                    f"unknown parameter ${tree.value}",
                    did_you_mean(tree.value, self.parameters, f"declare it in [params]; there: {known}"),
                )
            return self.graph.literal(self.parameters[tree.value])
        if tree.kind == "name":
            return self._name(tree)
        if tree.kind == "field":
            return self._field(tree)
        return self._call(tree)

    def _name(self, tree: Expr) -> Bound:
        name = tree.value
        if name in self.names:
            return self.names[name]
        if name in self.outside:
            raise tree.error(f"{name!r} is a value of the strategy's own bars; inside tf write the expression itself")
        if name in self.fills:
            return self.graph.add("fill", name, (), FILL_NAMES[name])
        if name in BAR_COLUMNS:
            return self.graph.column(name, *BAR_COLUMNS[name])
        if name in FILL_NAMES:
            raise tree.error(f"{name!r} is known only at the fill; use it in stop, target or trail")
        known = [*self.names, *BAR_COLUMNS, *self.fills]
        hint = did_you_mean(name, known, f"known here: {', '.join(known)}")
        if name in self.library or name in KERNELS or name in FORMS:
            hint = f"{name} is an indicator: call it, as in {name}(…)"
        raise tree.error(f"unknown name {name!r}", hint)

    def _field(self, tree: Expr) -> int:
        base = self.bind(tree.args[0])
        if isinstance(base, dict) and tree.value in base:
            return base[tree.value]
        if isinstance(base, dict):
            raise tree.error(f"no output {tree.value!r} here", f"outputs: {', '.join(base)}")
        raise tree.error(f"there is no .{tree.value} on a single value")

    def _call(self, tree: Expr) -> Bound:
        name = tree.value
        canonical = scalars.ALIASES.get(name, name)
        if name in self.library:
            return self._indicator(tree, self.library[name])
        if name in KERNELS:
            return self._kernel(tree, KERNELS[name])
        if canonical in FORMS:
            return FORMS[canonical](self, tree)
        if tree.keywords:
            raise tree.keywords[0][1].error(f"{name} takes no named arguments")
        if canonical in scalars.SCALARS and not canonical.startswith("strict"):
            nodes = [self.value(a) for a in tree.args]
            try:
                return scalars.call(self.graph, canonical, nodes)
            except TypeError as error:
                raise tree.error(str(error)) from None
        if name in LOOKING_AHEAD:
            raise tree.error(f"{name} looks ahead: a bar's future is not known at its close", "prev(x, n) looks back n bars")
        if name.startswith("cast "):
            raise tree.error(f"cannot convert to {name[5:]}", "possible: double, integer, boolean, date, time, timestamp")
        known = [*self.library.names(), *KERNELS, *FORMS, *(s for s in scalars.SCALARS if s.isidentifier())]
        raise tree.error(
            f"unknown function or indicator {name!r}",
            did_you_mean(name, known, "`duckcli backtest indicators` lists what there is"),
        )

    def _indicator(self, tree: Expr, indicator: Indicator) -> Bound:
        if indicator.name in self.open:
            raise tree.error(f"indicator {indicator.name} uses itself")
        given = self._arguments(tree, indicator)
        key = (indicator.name, tuple(tuple(v.items()) if isinstance(v, dict) else v for v in given.values()))
        if key not in self.calls:
            inner = Binder(self.graph, self.library, {}, dict(given), (), self.calls, (*self.open, indicator.name))
            outputs: dict[str, int] = {}
            try:
                for alias, body in indicator.outputs:
                    bound = inner.bind(body)
                    inner.names[alias] = bound
                    if not alias.startswith("_"):
                        outputs[alias] = next(iter(bound.values())) if isinstance(bound, dict) else bound
            except ExpressionError as error:
                prefix = "" if error.message.startswith(indicator.name) else f"{indicator.name}: "
                raise tree.error(f"{prefix}{error.message}", f"{indicator.signature}  {error.hint}".rstrip()) from None
            self.calls[key] = outputs if len(outputs) > 1 else next(iter(outputs.values()))
        return self.calls[key]

    def _arguments(self, tree: Expr, indicator: Indicator) -> dict[str, Bound]:
        wanted = [name for name, _ in indicator.parameters]
        if len(tree.args) > len(wanted):
            raise tree.error(
                f"{indicator.name} takes at most {len(wanted)} arguments, got {len(tree.args)}", indicator.signature
            )
        given: dict[str, Bound] = {n: self.bind(a) for n, a in zip(wanted, tree.args, strict=False)}
        for name, value in tree.keywords:
            if name not in wanted:
                raise value.error(f"{indicator.name} has no parameter {name!r}", indicator.signature)
            if name in given:
                raise value.error(f"{indicator.name}: {name} is given twice", indicator.signature)
            given[name] = self.bind(value)
        defaults = Binder(self.graph, self.library, {}, {}, (), self.calls, self.open)
        for name, default in indicator.parameters:
            if name not in given:
                if default is None:
                    raise tree.error(f"{indicator.name} needs {name}", indicator.signature)
                given[name] = defaults.bind(default)
        return {name: given[name] for name in wanted}

    def _kernel(self, tree: Expr, kernel: Kernel) -> int:
        if len(tree.args) != len(kernel.kinds) or tree.keywords:
            raise tree.error(f"{tree.value} takes {len(kernel.kinds)} arguments, got {len(tree.args)}")
        values: list[Any] = []
        for kind, argument in zip(kernel.kinds, tree.args, strict=True):
            values.append(self.value(argument) if kind == "series" else self.constant(tree, argument, kind))
        series = [v for v, kind in zip(values, kernel.kinds, strict=True) if kind == "series"]
        if any(self.graph[v].fill for v in series):
            raise tree.error(f"{tree.value} cannot look back on a value that exists only at the fill or inside a machine")
        try:
            return kernel.build(self.graph, *values)
        except ValueError as error:
            raise tree.error(f"{tree.value}: {error}") from None

    def constant(self, tree: Expr, argument: Expr, kind: str) -> float | int:
        """The number an argument of ``tree`` stands for: of the kind ``number``, ``bars`` or ``offset``."""
        node = self.graph[self.value(argument)]
        value = node.value if node.op == "literal" else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            wanted = "a constant number" if kind == "number" else "a whole number of bars"
            raise argument.error(f"{tree.value} needs {wanted} here, got something that varies from bar to bar")
        if kind == "number":
            return float(value)
        least = 0 if kind == "offset" else 1
        if value < 0 and kind == "offset":
            raise argument.error(f"{tree.value} by {value} bars looks ahead: a bar's future is not known at its close")
        if value != int(value) or not least <= value <= MOST_BARS:
            raise argument.error(f"{tree.value} needs a whole number of bars from {least} to {MOST_BARS:,}, got {value}")
        return int(value)


def bind_text(binder: Binder, text: str) -> int:
    """Parse and bind one expression."""
    return binder.value(parse_expression(text))
