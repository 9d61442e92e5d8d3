"""Runs the same bars and rules through the SQL engine and the bar-by-bar reference, and compares them exactly.

Bars are small integers, so that every price, distance and comparison is exact in both. Conditions travel in the bits of
the volume: 1 long, 2 short, 4 exit long, 8 exit short, 16 session over, 32 cancel.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from conftest import strategy
from duckbt.compiler.compile import compile_strategy
from duckbt.compiler.library import Library
from duckbt.engine.plan import build_plan
from duckbt.engine.session import Session
from duckbt.lake.source import BarSource, SymbolBars
from duckbt.sqlfiles import render
from reference.engine import Bar, Rules, Scale, Trade, simulate

START = datetime(2024, 1, 1)
BITS = {"long": 1, "short": 2, "exit_long": 4, "exit_short": 8, "flat": 16, "cancel": 32}
Row = tuple[int, int, int, int, int]  # open, high, low, close, volume


def flag(name: str) -> str:
    """The condition as an expression."""
    return f"floor(volume / {BITS[name]}) % 2 = 1"


def source_of(series: Sequence[Sequence[Row]]) -> BarSource:
    """Bars of several symbols as the engine's source, without files."""
    # one text of numbers: DuckDB takes far longer to read thousands of rows as VALUES
    rows = ";".join(",".join(map(str, (place, i, *bar))) for place, bars in enumerate(series) for i, bar in enumerate(bars))
    symbols = [SymbolBars(place, f"S{place:03d}", len(bars)) for place, bars in enumerate(series)]
    table = (
        "create or replace table bars as select (r[1] << 32) + r[2] as bar, 'S' || lpad(r[1]::varchar, 3, '0') as symbol, "
        f"timestamp '{START}' + to_minutes(r[2]) as ts, r[3]::double as open, r[4]::double as high, r[5]::double as low, "
        "r[6]::double as close, r[7]::double as volume "
        f"from (select string_split(unnest(string_split('{rows}', ';')), ',')::bigint[] as r)"
    )
    return BarSource(symbols, [("bars", table), ("symbols", render("10_bars/symbols.sql.j2", symbols=symbols))], [], [])


@dataclass
class Case:
    """A strategy file's sections and the same rules for the reference."""

    sections: dict[str, Any]
    rules: dict[str, Any]


def run_engine(
    case: Case, series: Sequence[Sequence[Row]]
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]], list[Any]]:
    """(trades, statuses, legs) of the SQL engine, by symbol."""
    file = strategy(**case.sections)
    program = compile_strategy(file, Library(), [file.parameters({})])
    source = source_of(series)
    with tempfile.TemporaryDirectory() as scratch, Session(Path(scratch), (), 1) as session:
        plan = build_plan(program, source, file.strategy)
        session.run(plan)
        session.check(plan.checks)
        trades = session.rows(
            "select t.symbol, (c.signal_bar & 4294967295), if(t.direction = 'long', 1, -1), (t.entry_bar & 4294967295), "
            "t.entry_price, (t.exit_bar & 4294967295), t.exit_price, t.exit_reason, t.gap, t.same_bar_ambiguous, "
            "t.stop_price, t.target_price "
            "from trades t join candidates c on c.cand = t.cand order by t.symbol, t.entry_bar, c.signal_bar, 3 desc"
        )
        statuses = session.rows(
            "select symbol, (epoch(ts - timestamp '2024-01-01') / 60)::int, if(direction = 'long', 1, -1), status "
            "from signals order by all"
        )
        legs = session.rows(
            "select t.symbol, t.entry_bar & 4294967295, t.cand, l.leg, l.exit_bar & 4294967295, l.exit_price, l.fraction, "
            "l.reason "
            "from legs l join trades t on t.cand = l.cand order by t.symbol, t.entry_bar, t.cand, l.leg"
        )
    return trades, statuses, legs


def run_reference(
    case: Case, series: Sequence[Sequence[Row]]
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]], list[Any]]:
    """The same from the reference."""
    trades, statuses, legs = [], [], []
    for place, rows in enumerate(series):
        bars = [Bar(i, *map(float, r[:4])) for i, r in enumerate(rows)]
        bits = {name: [bool(int(r[4]) & bit) for r in rows] for name, bit in BITS.items()}
        values: dict[str, Any] = {"long": bits["long"], "short": bits["short"]}
        for key, value in case.rules.items():
            values[key] = bits[value] if isinstance(value, str) and value in bits else value
            if callable(value) and getattr(value, "needs_bars", False):
                values[key] = value(bars)
        if "scale_out" in values:
            values["scale_out"] = [Scale(*s) for s in values["scale_out"]]
        symbol = f"S{place:03d}"
        found, status = simulate(bars, Rules(**values))
        trades += [
            (symbol, t.signal_bar, t.direction, t.entry_bar, t.entry_price, t.exit_bar, t.exit_price, t.reason, t.gap,
             t.ambiguous, t.stop_price, t.target_price)
            for t in found
        ]  # fmt: skip
        statuses += [(symbol, bar, d, s) for (bar, d), s in status.items()]
        legs += [_legs(symbol, t) for t in found]
    return trades, sorted(statuses), legs


def _legs(symbol: str, trade: Trade) -> tuple[Any, ...]:
    return (symbol, trade.entry_bar, [(bar, price, fraction, reason) for bar, price, fraction, reason in trade.legs])


def with_bars(make: Any) -> Any:
    """Marks a factory ``bars → rule`` so that the harness calls it per symbol."""
    make.needs_bars = True
    return make


def assert_agree(case: Case, series: Sequence[Sequence[Row]]) -> int:
    """Raises AssertionError at the first difference; returns the number of trades."""
    ours, our_status, our_legs = run_engine(case, series)
    theirs, their_status, their_legs = run_reference(case, series)
    assert our_status == their_status
    for mine, reference in zip(ours, theirs, strict=False):
        assert mine == reference
    assert len(ours) == len(theirs)
    grouped: dict[Any, list[Any]] = {}
    for symbol, entry, cand, _leg, bar, price, fraction, reason in our_legs:
        grouped.setdefault((symbol, entry, cand), []).append((bar, price, fraction, reason))
    mine_legs = [(symbol, entry, legs) for (symbol, entry, _), legs in grouped.items()]
    if case.rules.get("overlap") != "stack":
        for mine, reference in zip(mine_legs, their_legs, strict=True):
            assert mine[:2] == reference[:2]
            for a, b in zip(mine[2], reference[2], strict=True):
                assert (a[0], a[1], a[3]) == (b[0], b[1], b[3])
                assert abs(a[2] - b[2]) < 1e-12
    return len(ours)
