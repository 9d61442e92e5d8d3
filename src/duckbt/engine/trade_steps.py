"""Steps from exits to money: sizes, which candidates are taken, costs, trades, equity, metrics."""

from __future__ import annotations

from duckbt.engine.context import Context
from duckbt.engine.costs import unit_cost_values
from duckbt.engine.exit_steps import touch_steps
from duckbt.engine.ledger import Ledger, needs_ledger
from duckbt.engine.step import Step, stage
from duckbt.lake.timeframe import Timeframe

LEDGER_FILE = "ledger.parquet"
READ_LEDGER = (
    "-- ledger: which trades the account took and with how many units, decided trade by trade because they depend on each\n"
    "-- other's equity; recorded with the run. Start the shell in the run's folder, or give the path.\n"
    f"-- reads: {LEDGER_FILE}. writes: ledger. key: combo_id, cand.\n"
    f"create or replace table ledger as select combo_id, cand, status, quantity from read_parquet('{LEDGER_FILE}')"
)


def trade_steps(context: Context) -> list[Step]:
    """Which candidates are taken, with how many units, and what becomes of them."""
    strategy, program, rules = context.strategy, context.program, context.rules
    cash = strategy.size.initial_cash
    ledger, costs, rates = ledger_of(context), unit_cost_values(context), bool(context.source.rates)
    sized = not ledger and sizes_vary(context)
    legs = stage(
        "60_trades/legs",
        pool="exits" if ledger else "taken",
        parts=context.parts,
        same_bar=rules.same_bar,
        gap_fill=rules.gap_fill,
        strict=rules.target_touch == "beyond",
        finer=bool(context.source.finer),
    )
    priced = [legs] + ([stage("60_trades/unit_costs", **costs)] if costs else [])
    if rates:
        priced.append(stage("60_trades/exit_rates"))
    steps: list[Step] = []
    if ledger:
        events = stage(
            "60_trades/ledger_events",
            costs=bool(costs), rates=rates, sizes=program.sizes, priority=program.priority,
        )  # fmt: skip
        steps += [*priced, events, Step("60_trades/ledger", (READ_LEDGER,), ledger=ledger), stage("60_trades/ledger_taken")]
    else:
        if sized:
            size = strategy.size
            steps.append(
                stage("60_trades/sizes", sizes=program.sizes, mode=size.mode, initial_cash=cash, lot=size.lot, rates=rates)
            )
        rounds = max(1, context.source.longest.bit_length())
        steps.append(stage("60_trades/sequence", rounds=rounds, overlap=strategy.entry.overlap, sized=sized))
        steps += priced
    quantities = "ledger" if ledger else "sizes" if sized else None
    steps += [
        stage("60_trades/excursions"),
        stage("60_trades/excursion_questions", fixed=_levels_stay(context)),
        *touch_steps("excursion_touches", "excursion_questions", "60_trades"),
        stage("60_trades/excursion_bars"),
        stage(
            "60_trades/trades",
            units=program.sizes[0],
            quantities=quantities,
            costs=bool(costs),
            rates=rates,
            per_trade=strategy.costs.commission.per_trade,
            initial_cash=cash,
            anchors=context.source.anchored,
        ),
        stage("60_trades/trade_legs", rates=rates),
        stage("60_trades/signals", indicators=program.indicator_sources, quantities=quantities),
    ]
    return steps


def _levels_stay(context: Context) -> bool:
    """Whether a stop or target ends a trade on the first bar that touches its price."""
    moving = {"trail", "trail_price", "breakeven"} & set(context.roles)
    return not moving and context.rules.entry_bar_exits and context.rules.target_touch == "at"


def ledger_of(context: Context) -> Ledger | None:
    """The account's rules where trades depend on each other, else None."""
    size, entry = context.strategy.size, context.strategy.entry
    if not needs_ledger(size.mode, size.compounding, size.leverage, size.max_positions, size.max_per_symbol):
        return None
    return Ledger(
        size.mode, size.initial_cash, size.lot, size.compounding, size.leverage, size.max_positions, size.max_per_symbol,
        entry.overlap == "one", context.strategy.costs.commission.per_trade,
    )  # fmt: skip


def sizes_vary(context: Context) -> bool:
    """Whether units differ from trade to trade or may be refused (else the size is one number above 0)."""
    size, program = context.strategy.size, context.program
    try:
        constant = len(program.sizes) == 1 and float(program.sizes[0]) > 0
    except ValueError:
        constant = False
    return size.mode != "units" or size.lot > 0 or not constant


PEER_METRICS = {"backtesting.py": "70_results/like_backtestingpy", "vectorbt": "70_results/like_vectorbt"}


def _peer(context: Context) -> str | None:
    """The statistics of the peer whose rules are asked for, where the run has one symbol as theirs have."""
    like = context.strategy.compat.like
    return PEER_METRICS.get(like) if like and not context.many_symbols else None


def rate_steps(context: Context) -> list[Step]:
    """Currency rates at the fills of entries: the same for all parameter sets."""
    return [stage("60_trades/entry_rates")] if context.source.rates else []


def market_steps(context: Context) -> list[Step]:
    """What accounts are valued by: the same for all parameter sets."""
    strategy = context.strategy
    written = "mark" in strategy.equity.model_fields_set
    mark = strategy.bar if _peer(context) and not written else Timeframe(strategy.equity.mark)
    return [
        stage("70_results/exact_sum"),
        stage("70_results/mark_closes", mark=str(mark), seconds=mark.seconds),
        stage("70_results/market_days"),
    ]


def metric_steps(context: Context) -> list[Step]:
    """Metrics from the sums over trades and from the account's days, drawdowns and ends."""
    cash, seconds = context.strategy.size.initial_cash, context.strategy.bar.seconds
    return [
        stage("70_results/trade_metrics", initial_cash=cash),
        stage("70_results/equity_metrics", initial_cash=cash, bar_seconds=seconds),
    ]


def result_steps(context: Context) -> list[Step]:
    """Equity and metrics; with a peer's rules also its own statistics."""
    strategy, source = context.strategy, context.source
    cash, peer = strategy.size.initial_cash, _peer(context)
    steps = [
        stage("70_results/marks"),
        stage("70_results/held"),
        stage("70_results/equity", initial_cash=cash, rates=bool(source.rates)),
        stage("70_results/days", initial_cash=cash),
        stage("70_results/drawdowns"),
        stage("70_results/calendar", initial_cash=cash),
        stage("70_results/account_ends"),
        stage("70_results/trade_sums"),
        stage("70_results/signal_counts"),
        *metric_steps(context),
    ]
    if peer:
        steps.append(stage("70_results/peer_metrics", peer, initial_cash=cash, bar_seconds=strategy.bar.seconds))
    steps.append(stage("70_results/metrics", peer=bool(peer)))
    return steps
