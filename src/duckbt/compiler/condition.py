"""A condition over parameters alone, such as ``$fast < $slow``, as SQL over columns named ``$fast``, ``$slow``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from duckbt.compiler import scalars
from duckbt.compiler.bind import Binder, Bound
from duckbt.compiler.graph import Graph, Type
from duckbt.compiler.layers import literal
from duckbt.compiler.library import Library
from duckbt.compiler.syntax import Expr, parse_expression
from duckbt.errors import ExpressionError, StrategyError
from duckbt.sqlfiles import quote_name
from duckbt.strategy.model import Parameter, Strategy


class _Columns(Binder):
    """Parameters stay columns instead of becoming the values of one set."""

    def bind(self, tree: Expr) -> Bound:
        if tree.kind == "parameter" and tree.value in self.parameters:
            return self.graph.column(f"${tree.value}", _type(self.parameters[tree.value]))
        return super().bind(tree)


def _type(value: Parameter) -> Type:
    if isinstance(value, bool):
        return "boolean"
    return "text" if isinstance(value, str) else "double"


def parameter_condition(text: str, parameters: Mapping[str, Parameter], where: str) -> str:
    """SQL of the condition. Raises StrategyError, naming ``where``, for anything but parameters and plain functions."""
    graph = Graph()
    try:
        tree = parse_expression(text)
        node = _Columns(graph, Library(), dict(parameters)).value(tree)
        if graph[node].type not in ("boolean", "null"):
            raise tree.error("a condition (true or false) is needed", "as in $fast < $slow")
        return _write(graph, node, tree)[0]
    except ExpressionError as error:
        raise StrategyError(f"{where}: {error.show()}") from None


def _write(graph: Graph, node_id: int, tree: Expr) -> tuple[str, int]:
    node = graph[node_id]
    if node.op == "literal":
        return literal(node.value), scalars.ATOM
    if node.op == "column" and node.value.startswith("$"):
        return quote_name(node.value), scalars.ATOM
    if node.op != "call":
        raise tree.error("only parameters can be compared here, no values of bars")
    return scalars.write(node.value, [_write(graph, a, tree) for a in node.args])


def unshared_parameters(strategy: Strategy) -> set[str]:
    """Parameters that one scan cannot vary: those behind rules that are rendered once for all parameter sets."""
    entry, leave = strategy.entry, strategy.exit
    texts = [leave.flat_when, entry.priority, strategy.costs.spread if isinstance(strategy.costs.spread, str) else None]
    texts += [] if isinstance(entry.price, str) else [entry.price.cancel]
    texts += [] if leave.trail_price is None else [leave.trail_price.long, leave.trail_price.short]
    found: set[str] = set()
    waiting, seen = [t for t in texts if t], set[str]()
    while waiting:
        text = waiting.pop()
        found |= set(re.findall(r"\$([A-Za-z_]\w*)", text))
        for name in set(re.findall(r"[A-Za-z_]\w*", text)) & set(strategy.indicators) - seen:
            seen.add(name)
            waiting.append(strategy.indicators[name])
    return found & set(strategy.params)
