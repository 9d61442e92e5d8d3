"""Steps from exits to money: sizes, which candidates are taken, costs, trades, equity, metrics."""

from __future__ import annotations

from duckbt.engine.context import Context
from duckbt.engine.costs import unit_cost_values
from duckbt.engine.step import Step, stage


def trade_steps(context: Context) -> list[Step]:
    """Which candidates are taken, with how many units, and what becomes of them."""
    strategy, program = context.strategy, context.program
    cash = strategy.size.initial_cash
    steps = []
    sized = sizes_vary(context)
    if sized:
        steps.append(
            stage(
                "60_trades/sizes", sizes=program.sizes, mode=strategy.size.mode, initial_cash=cash, lot=strategy.size.lot,
                rates=False,
            )
        )  # fmt: skip
    rounds = max(1, context.source.longest.bit_length())
    steps.append(stage("60_trades/sequence", rounds=rounds, overlap=strategy.entry.overlap, sized=sized))
    steps.append(stage("60_trades/excursions"))
    steps.append(
        stage(
            "60_trades/legs",
            pool="taken",
            parts=context.parts,
            same_bar=context.rules.same_bar,
            gap_fill=context.rules.gap_fill,
            strict=context.rules.target_touch == "beyond",
            finer=context.rules.same_bar == "finer",
        )
    )
    costs = unit_cost_values(context)
    if costs:
        steps.append(stage("60_trades/unit_costs", **costs))
    steps.append(
        stage(
            "60_trades/trades",
            units=program.sizes[0],
            quantities="sizes" if sized else None,
            costs=bool(costs),
            rates=False,
            per_trade=strategy.costs.commission.per_trade,
            initial_cash=cash,
            held_bars="e.exit_bar - c.first_held + if(e.exit_pos % 4 = 0, 0, 1)",
        )
    )
    steps.append(stage("60_trades/trade_legs"))
    steps.append(stage("60_trades/signals", indicator_columns=program.indicator_columns, sized=sized))
    return steps


def sizes_vary(context: Context) -> bool:
    """Whether units differ from trade to trade (else the size is one number)."""
    size, program = context.strategy.size, context.program
    constant = len(program.sizes) == 1 and not any(c.isalpha() for c in program.sizes[0].replace("e", ""))
    return size.mode != "units" or size.lot > 0 or not constant


def result_steps(context: Context) -> list[Step]:
    """Equity and metrics."""
    strategy, source = context.strategy, context.source
    cash = strategy.size.initial_cash
    from duckbt.lake.timeframe import Timeframe

    mark = Timeframe(strategy.equity.mark)
    seconds = strategy.bar.seconds
    return [
        stage("70_results/exact_sum"),
        stage("70_results/mark_closes", mark=str(mark), seconds=mark.seconds),
        stage(
            "70_results/equity",
            initial_cash=cash,
            many_symbols=len(source.symbols) > 1,
            fine_marks=mark.seconds < 86400,
            mark=str(mark),
            rates=False,
        ),
        stage("70_results/trade_metrics", initial_cash=cash),
        stage("70_results/equity_metrics", initial_cash=cash, bar_seconds=seconds),
        stage("70_results/metrics"),
    ]
