"""A run as a pure value: the ordered SQL statements from bars to metrics. Showing and running use the same object."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from duckbt.compiler.layers import Layers
from duckbt.compiler.program import Program
from duckbt.lake.source import BarSource
from duckbt.sqlfiles import render
from duckbt.strategy.model import Strategy

PIECE_BARS = 2_000_000  # a scan is cut into pieces of about this many bars, which may run side by side
CHECKS = ("bars_in_order", "positions_do_not_overlap", "signals_accounted_for", "exits_inside_their_bar")


@dataclass(frozen=True)
class Step:
    """One stage. ``statements`` of a parallel step may run in any order and at the same time."""

    name: str
    statements: tuple[str, ...]
    parallel: bool = False


@dataclass(frozen=True)
class Plan:
    """Steps in order; ``scan_columns`` are the scan's outputs."""

    steps: tuple[Step, ...]

    def statements(self) -> Iterator[tuple[str, str]]:
        """(step name, statement) in an order in which they may run one by one."""
        for step in self.steps:
            for statement in step.statements:
                yield step.name, statement


@dataclass(frozen=True)
class Piece:
    """Bars ``low`` to ``high`` are read, ``keep_from`` to ``high`` are decided here. None: all bars."""

    low: int | None
    keep_from: int | None
    high: int | None
    one_symbol: bool


def pieces_of(source: BarSource, reach: int | None) -> list[Piece]:
    """Cut the scan where that saves time: inside long symbols, and between groups of short ones."""
    if source.bars <= PIECE_BARS * 3 // 2:
        return [Piece(None, None, None, len(source.symbols) == 1)]
    pieces: list[Piece] = []
    group: list[tuple[int, int]] = []  # (first bar, bars) of neighbouring short symbols

    def close_group() -> None:
        if group:
            first, (last, bars) = group[0][0], group[-1]
            pieces.append(Piece(first, first, last + bars - 1, len(group) == 1))
            group.clear()

    for symbol in source.symbols:
        first = symbol.place << 32
        parts = 1
        if reach is not None and reach < PIECE_BARS // 4:
            parts = max(1, round(symbol.bars / PIECE_BARS))
        if parts == 1:
            if group and sum(b for _, b in group) + symbol.bars > PIECE_BARS:
                close_group()
            group.append((first, symbol.bars))
            continue
        close_group()
        cuts = [first + symbol.bars * part // parts for part in range(parts + 1)]
        for begin, end in itertools.pairwise(cuts):
            pieces.append(Piece(max(first, begin - (reach or 0)), begin, end - 1, True))
    close_group()
    return pieces


def scan_statements(
    program: Program, source: BarSource, *, everything: bool = False, not_before: datetime | None = None
) -> tuple[Step, Step]:
    """The scan, piece by piece, and the view that joins the pieces. ``everything`` keeps every bar."""
    layers = program.layers()
    outputs = program.types()
    conditions = [] if everything else program.conditions
    pieces = pieces_of(source, program.reach)
    tables = [f"scan_{i}" for i in range(len(pieces))] if len(pieces) > 1 else ["scan"]
    statements = []
    for piece, table in zip(pieces, tables, strict=True):
        statements.append(
            render(
                "30_signals/scan.sql.j2",
                table=table,
                low=piece.low,
                keep_from=piece.keep_from,
                high=piece.high,
                source_columns=_source_columns(layers),
                layers=layers.layers("source", piece.one_symbol),
                outputs=outputs,
                conditions=conditions,
                not_before=not_before.isoformat(sep=" ") if not_before and not everything else None,
            )
        )
    scan = Step("30_signals/scan", tuple(statements), parallel=len(pieces) > 1)
    if len(pieces) == 1:
        return scan, Step("30_signals/scan_all", ())
    join = render("30_signals/scan_all.sql.j2", tables=tables, columns=["bar", *outputs])
    return scan, Step("30_signals/scan_all", (join,))


def _source_columns(layers: Layers) -> list[str]:
    return ["bar", "bar & 4294967295 as n", *layers.source_columns()]


def levels_of_pyramid(longest: int) -> int:
    """Smallest pyramid whose top level has at most 32 blocks a symbol."""
    top = 1
    while math.ceil(longest / 32**top) > 32:
        top += 1
    return top


def build_plan(program: Program, source: BarSource, strategy: Strategy, *, not_before: datetime | None = None) -> Plan:
    """All steps of a run. Pure: equal inputs give equal text."""
    scan, scan_all = scan_statements(program, source, not_before=not_before)
    top = levels_of_pyramid(source.longest)
    exit_sets = program.exit_sets
    steps = [Step(name, (sql,)) for name, sql in source.statements]
    steps += [scan, scan_all]

    def add(name: str, **values: object) -> None:
        path = f"{name}.sql.j2" if values else f"{name}.sql"
        steps.append(Step(name, (render(path, **values),)))

    add("40_entries/combos", combos=program.combos)
    if exit_sets:
        add("30_signals/exit_runs", changes=program.exit_changes)
    add("40_entries/candidates", sides=program.sides, carried=program.carried)
    add(
        "40_entries/levels",
        stops=program.levels("stop"),
        targets=program.levels("target"),
        entry_bar_exits=strategy.exit.entry_bar_exits,
    )
    for level in range(1, top + 1):
        steps.append(Step(f"50_exits/blocks_{level}", (render("50_exits/blocks.sql.j2", level=level),)))
    add("50_exits/touches", top=top)
    add("50_exits/exits", exit_sets=bool(exit_sets), same_bar=strategy.exit.same_bar)
    add("60_trades/sequence", rounds=max(1, source.longest.bit_length()))
    add("60_trades/excursions", top=top)
    cash = strategy.size.initial_cash
    add("60_trades/trades", units=strategy.size.value, initial_cash=cash)
    add("60_trades/signals", indicator_columns=program.indicator_columns)
    add("70_results/exact_sum")
    add("70_results/day_closes")
    add("70_results/equity", initial_cash=cash, many_symbols=len(source.symbols) > 1)
    add("70_results/trade_metrics", initial_cash=cash)
    seconds = source.datasets[0].timeframe.seconds
    add("70_results/equity_metrics", initial_cash=cash, bar_seconds=seconds)
    add("70_results/metrics")
    return Plan(tuple(s for s in steps if s.statements))
