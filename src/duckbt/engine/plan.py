"""A run as a pure value: the ordered steps from bars to metrics. Showing and running use the same object."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from duckbt.compiler.program import Program
from duckbt.engine.context import Context
from duckbt.engine.exit_steps import entry_steps, exit_steps, placing_steps, trail_steps
from duckbt.engine.scan_steps import scan_steps
from duckbt.engine.step import Step, stage
from duckbt.engine.trade_steps import market_steps, rate_steps, result_steps, trade_steps
from duckbt.lake.source import BarSource
from duckbt.strategy.model import Strategy

BAR_CHECKS = ("bars_in_order",)
CHECKS = (*BAR_CHECKS, "positions_do_not_overlap", "signals_accounted_for", "exits_inside_their_bar", "rates_are_known")


@dataclass(frozen=True)
class Plan:
    """Steps in order, and the invariants to check afterwards."""

    steps: tuple[Step, ...]
    checks: tuple[str, ...] = CHECKS

    def statements(self) -> Iterator[tuple[str, str]]:
        """(step name, statement) in an order in which they may run one by one."""
        for step in self.steps:
            for statement in step.statements:
                yield step.name, statement


def build_plan(program: Program, source: BarSource, strategy: Strategy, *, not_before: datetime | None = None) -> Plan:
    """All steps of a run. Pure: equal inputs give equal text."""
    context = Context(program, source, strategy)
    steps = _signal_steps(context, not_before, _blocks(context)) + placing_steps(context)
    steps += trail_steps(context) + exit_steps(context)
    steps += rate_steps(context) + trade_steps(context)
    steps += market_steps(context) + result_steps(context)
    waived = {"positions_do_not_overlap"} if strategy.entry.overlap == "stack" else set()
    waived |= set() if source.rates else {"rates_are_known"}
    waived |= {"exits_inside_their_bar"} if context.rules.gap_fill == "level" else set()
    return Plan(tuple(s for s in steps if s.statements), tuple(c for c in CHECKS if c not in waived))


def _signal_steps(context: Context, not_before: datetime | None, blocks: list[Step]) -> list[Step]:
    """From bars to candidates."""
    program, source = context.program, context.source
    steps = [Step(name, (sql,)) for name, sql in source.statements] + blocks
    if source.signals is None:
        steps += scan_steps(program, source, not_before=not_before)
    else:
        steps += scan_steps(program, source.signals, bars="signal_bars", not_before=not_before)
    return steps + entry_steps(context)


def _blocks(context: Context) -> list[Step]:
    return [stage("10_bars/blocks", top=context.top)]


def shared_plan(context: Context, not_before: datetime | None = None, *, arrays: bool = False) -> Plan:
    """The steps that are the same for all parameter sets of one scan. ``arrays``: without those of ``bar_plan``, which
    arrays do in their own way."""
    steps = _signal_steps(context, not_before, [] if arrays else _blocks(context))
    steps += trail_steps(context) + rate_steps(context) + ([] if arrays else market_steps(context))
    checks = (() if arrays else BAR_CHECKS) + (("rates_are_known",) if context.source.rates else ())
    return Plan(tuple(s for s in steps if s.statements), checks)


def bar_plan(context: Context) -> Plan:
    """What the stages need of the bars beside the signals, whatever the parameter set."""
    return Plan((*_blocks(context), *market_steps(context)), BAR_CHECKS)


def own_steps(context: Context) -> list[Step]:
    """The steps of a run that are not shared, without those that only a run of its own needs, and ``combo_metrics``."""
    steps = placing_steps(context) + exit_steps(context) + trade_steps(context) + result_steps(context)
    alone = ("70_results/calendar", "70_results/peer_metrics", "70_results/metrics")
    return [s for s in steps if s.statements and s.name not in alone] + [stage("70_results/combo_metrics")]
