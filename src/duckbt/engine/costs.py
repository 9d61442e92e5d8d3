"""Costs of a strategy as SQL over a leg's columns."""

from __future__ import annotations

from typing import Any

from duckbt.compiler import scalars
from duckbt.compiler.bind import BAR_COLUMNS, Binder, bind_text
from duckbt.compiler.graph import Graph
from duckbt.compiler.layers import literal
from duckbt.compiler.library import Library
from duckbt.engine.context import Context
from duckbt.errors import ExpressionError, StrategyError
from duckbt.sqlfiles import quote_name
from duckbt.strategy.model import Bps, Strategy, is_zero


def unit_cost_values(context: Context) -> dict[str, Any]:
    """Values of the template ``unit_costs``; empty when the strategy has no costs at all."""
    costs = context.strategy.costs
    commission, financing = costs.commission, costs.financing
    spread_is_zero = costs.spread.bps == 0 if isinstance(costs.spread, Bps) else is_zero(costs.spread)
    slippage_is_zero = costs.slippage.bps == 0 if isinstance(costs.slippage, Bps) else costs.slippage == 0
    unit_free = not (commission.per_unit or commission.rate or financing.long or financing.short)
    if spread_is_zero and slippage_is_zero and unit_free and not commission.per_trade:
        return {}
    entry_spread, needs_bars = _spread(context, "eb", "c.entry_price")
    exit_spread, _ = _spread(context, "xb", "l.exit_price")
    if costs.quote == "mid":
        entry_spread, exit_spread = f"({entry_spread}) / 2", f"({exit_spread}) / 2"
    else:
        entry_spread, exit_spread = f"if(c.direction > 0, {entry_spread}, 0)", f"if(c.direction > 0, 0, {exit_spread})"
    return {
        "entry_spread": entry_spread,
        "exit_spread": exit_spread,
        "entry_slippage": "0::double" if context.rules.entry == "limit" else _slippage(context.strategy, "c.entry_price"),
        "exit_slippage": _slippage(context.strategy, "l.exit_price"),
        "per_unit": commission.per_unit,
        "rate": commission.rate,
        "financing_long": financing.long,
        "financing_short": financing.short,
        "rollover": f"{int(financing.rollover[:2])} hours {int(financing.rollover[3:])} minutes",
        "needs_bars": needs_bars,
    }


def _slippage(strategy: Strategy, price: str) -> str:
    slippage = strategy.costs.slippage
    return f"{slippage.bps / 10_000!r}::double * {price}" if isinstance(slippage, Bps) else f"{slippage!r}::double"


def _spread(context: Context, bar: str, price: str) -> tuple[str, bool]:
    """(SQL of the full spread at a fill, whether it reads the fill's bar). Raises StrategyError."""
    spread = context.strategy.costs.spread
    if isinstance(spread, Bps):
        return f"{spread.bps / 10_000!r}::double * {price}", False
    graph = Graph()
    binder = Binder(graph, Library(), context.program.combos[0].parameters)
    try:
        node = bind_text(binder, spread)
    except ExpressionError as error:
        raise StrategyError(f"costs.spread: {error.show()}") from None

    def write(node_id: int) -> tuple[str, int]:
        found = graph[node_id]
        if found.op == "literal":
            return literal(found.value), scalars.ATOM
        if found.op == "column":
            return f"{bar}.{quote_name(found.value)}", scalars.ATOM
        if found.op != "call":
            raise StrategyError(f"costs.spread: only the values of the fill's own bar can be used: {', '.join(BAR_COLUMNS)}")
        return scalars.write(found.value, [write(a) for a in found.args])

    sql = write(node)[0]
    return f"({sql})::double", graph[node].op != "literal"
