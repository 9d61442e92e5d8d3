"""Does a scan know the future? By form: which windows of its SQL look forward. By trial: what it gives where data ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from duckbt.compiler.bind import BAR_COLUMNS
from duckbt.compiler.program import Program
from duckbt.compiler.stages import Other
from duckbt.engine.session import Session
from duckbt.engine.stages import source_context, stage_steps
from duckbt.engine.step import stage
from duckbt.lake.source import BarSource, SymbolBars

ROOM, STAGED_ROOM = 4_000_000, 2_000_000  # rows of all copies together; stages before the scan cost more than it


@dataclass(frozen=True)
class Trial:
    """``bars`` at which the data was cut, of ``all_bars``; ``signals`` among them, of ``all_signals``; what changed."""

    bars: int
    all_bars: int
    signals: int
    all_signals: int
    changed: list[tuple[datetime, str, str]]  # time, symbol, 'only then' or 'only later'


def forward_windows(session: Session, statement: str) -> list[str]:
    """Windows of a CREATE TABLE … AS SELECT that are not proven to look back, as DuckDB's parser reads them.

    Looking back: ``lag`` by a positive constant, and aggregates over all rows so far.
    """
    body = statement[statement.index(" as\n") + 4 :]
    tree = json.loads(session.rows("select json_serialize_sql($1)", [body])[0][0])
    return [w["function_name"] + " " + w["end"].lower() for w in _windows(tree) if not _looks_back(w)]


def _windows(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if node.get("class") == "WINDOW":
            yield node
        for value in node.values():
            yield from _windows(value)
    elif isinstance(node, list):
        for value in node:
            yield from _windows(value)


def _looks_back(window: dict[str, Any]) -> bool:
    if window["orders"] or window["partitions"] or window["exclude_clause"] != "NO_OTHER":
        return False
    if window["type"] == "WINDOW_LAG":
        offset = [a["expression"] for a in window["arguments"]][1:2]
        return not offset or (offset[0]["class"] == "CONSTANT" and offset[0]["literal"]["text"].isdecimal())
    frame = (window["start"], window["end"])
    return window["type"] == "WINDOW_AGGREGATE" and frame == ("UNBOUNDED_PRECEDING", "CURRENT_ROW_ROWS")


def untriable(program: Program) -> str:
    """Why the scan cannot be tried on copies of the data; empty where it can."""
    if any(isinstance(s, Other) for s in program.graph.stages):
        return "it reads another symbol, which would have to be copied along"
    return ""


def known_then(session: Session, program: Program, source: BarSource, bars: str, not_before: datetime | None) -> Trial:
    """Cut the data at as many bars as there is room for, scan all copies in one pass, and compare with ``scan``."""
    staged = bool(program.graph.stages)
    reach = None if staged else program.reach  # a staged value may depend on anything before it
    flags = sorted({side.flag for side in program.sides})
    room = STAGED_ROOM if staged else ROOM
    rows_a_cut = (source.longest // 2 if reach is None else reach) + 1
    one_in = max(1, source.bars * rows_a_cut // (4 * room))  # of the bars without a signal; more than there is room for
    session.execute(stage("90_audit/cuts", bars=bars, reach=reach, flags=flags, room=room, one_in=one_in))
    session.execute(stage("90_audit/cut_bars", bars=bars, columns=list(BAR_COLUMNS)))
    copies = session.rows("select place, bar & 4294967295 from cuts order by place") if staged else []
    listed = [SymbolBars(place, str(place), last + 1) for place, last in copies]
    cut = replace(source, symbols=listed or source.symbols, statements=[])
    roots = [o.node for o in program.outputs]
    for step in stage_steps(program.graph, roots, cut, "cut_bars"):
        session.execute(step)
    context = source_context(program.layers(), "cut_bars", one_symbol=False)
    outputs = program.types()
    since = not_before.isoformat(sep=" ") if not_before else None
    session.execute(
        stage("90_audit/known_then", **context, outputs=outputs, conditions=program.conditions, not_before=since)
    )
    session.execute(stage("90_audit/changed_signals", columns=["bar", *outputs]))
    fired = f"select count(*) from scan where {' or '.join(flags)}"
    counts = session.rows(f"select count(*), count(*) filter (where is_signal), ({fired}) from cuts")[0]
    changed = session.rows(
        "select c.ts, y.symbol, c.seen from changed_signals c join symbols y on y.place = c.bar >> 32 order by c.bar, c.seen"
    )
    return Trial(counts[0], source.bars, counts[1], counts[2], changed)
