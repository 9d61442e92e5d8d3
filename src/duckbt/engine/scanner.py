"""Every bar with its indicators and signal flags, for charts, features and checks."""

from __future__ import annotations

from pathlib import Path

from duckbt.compiler.program import Program
from duckbt.engine.plan import Plan
from duckbt.engine.scan_steps import scan_steps
from duckbt.engine.session import Session
from duckbt.engine.step import Step
from duckbt.lake.source import BarSource
from duckbt.sqlfiles import quote_name, quote_text


def scan_plan(program: Program, source: BarSource) -> Plan:
    """The scan without its filter, and the query ``scanned_bars`` that gives its rows user-facing columns."""
    flags = {side.direction: side.flag for side in program.sides}
    columns = ["y.symbol", "s.ts", "b.open", "b.high", "b.low", "b.close", "b.volume"]
    columns += [f"s.{quote_name(inside)} as {quote_name(c)}" for c, inside in program.indicator_sources.items()]
    columns += [f"{'s.' + flags[d] if d in flags else 'false'} as {side}_signal" for d, side in ((1, "long"), (-1, "short"))]
    view = (
        f"create or replace view scanned_bars as\nselect s.bar, {', '.join(columns)}\nfrom scan s\n"
        "join bars b on b.bar = s.bar\njoin symbols y on y.place = s.bar >> 32"
    )
    steps = [Step(name, (sql,)) for name, sql in source.statements]
    steps += [*scan_steps(program, source, everything=True), Step("30_signals/scanned_bars", (view,))]
    return Plan(tuple(s for s in steps if s.statements))


def scan_to(
    program: Program, source: BarSource, out: Path, scratch: Path, threads: int | None, memory_limit: str | None
) -> int:
    """Write the scan to ``out`` (Parquet), by symbol and time; returns the number of bars."""
    beside = scratch / "scan.parquet"
    with Session(scratch, source.files, threads, memory_limit) as session:
        session.run(scan_plan(program, source))
        copy = (
            f"copy (select * exclude (bar) from scanned_bars order by bar) to {quote_text(beside)} "
            "(format parquet, compression zstd)"
        )
        session.execute(Step("write scan", (copy,)))
    beside.replace(out)
    return source.bars
