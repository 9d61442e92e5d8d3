"""Which strategies the arrays can serve; all others go through the SQL stages."""

from __future__ import annotations

from duckbt.engine.arrays.account import UnitCosts
from duckbt.engine.context import Context
from duckbt.engine.trade_steps import ledger_of, sizes_vary
from duckbt.strategy.model import Bps


def unit_costs(context: Context) -> UnitCosts | None:
    """The costs of a strategy that the arrays can serve as a whole, None for one they cannot.

    They can: one symbol, entries at the next open or the close, stop, target, max_bars, signal and session exits, one
    position at a time, a constant number of units, constant or proportional costs without financing, daily marks.
    """
    strategy, program, rules = context.strategy, context.program, context.rules
    costs = strategy.costs
    spread = 0.0
    if isinstance(costs.spread, str):
        try:
            spread = float(costs.spread)
        except ValueError:
            return None
    fits = (
        len(context.source.symbols) == 1
        and not (context.source.anchored or context.source.finer or context.source.rates)
        and rules.entry in ("next_open", "close")
        and context.roles <= {"stop", "target"}
        and strategy.entry.overlap == "one"
        and rules.gap_fill in ("open", "level")
        and rules.target_touch == "at"
        and ledger_of(context) is None
        and not sizes_vary(context)
        and len(program.sizes) == 1
        and not (costs.financing.long or costs.financing.short)
        and strategy.equity.mark == "1d"
        and strategy.compat.like not in ("vectorbt", "backtesting.py")
    )
    if not fits:
        return None
    spread_rate = costs.spread.bps / 10_000 if isinstance(costs.spread, Bps) else 0.0
    slippage = costs.slippage
    rate = slippage.bps / 10_000 if isinstance(slippage, Bps) else 0.0
    constant = 0.0 if isinstance(slippage, Bps) else slippage
    c = costs.commission
    paid = any((spread, spread_rate, rate, constant, c.per_unit, c.rate, c.per_trade))
    return UnitCosts(spread, spread_rate, constant, rate, c.per_unit, c.rate, c.per_trade, costs.quote, paid)
