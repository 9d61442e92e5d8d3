"""Steps that scan the bars: indicators and conditions in streaming passes, cut into pieces that may run side by side."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from datetime import datetime

from duckbt.compiler.program import Program
from duckbt.engine.stages import source_context, stage_steps
from duckbt.engine.step import Step, stage
from duckbt.lake.source import PLACE_BITS, BarSource
from duckbt.sqlfiles import render

PIECE_BARS = 1_000_000  # a scan is cut into pieces of about this many bars


@dataclass(frozen=True)
class Piece:
    """Bars ``low`` to ``high`` are read, ``keep_from`` to ``high`` are decided here. None: all bars."""

    low: int | None
    keep_from: int | None
    high: int | None
    one_symbol: bool


def pieces_of(source: BarSource, reach: int | None, grid: int = 1) -> list[Piece]:
    """Cut the scan where that saves time: inside long symbols, and between groups of short ones.

    ``reach``: bars before its own that a piece must read. ``grid``: cuts lie on multiples of it within a symbol.
    """
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
        first = symbol.place << PLACE_BITS
        parts = _parts(symbol.bars, reach)
        if parts == 1:
            if group and sum(b for _, b in group) + symbol.bars > PIECE_BARS:
                close_group()
            group.append((first, symbol.bars))
            continue
        close_group()
        cuts = [first + symbol.bars * part // parts // grid * grid for part in range(parts)] + [first + symbol.bars]
        for begin, end in itertools.pairwise(cuts):
            pieces.append(Piece(max(first, begin - (reach or 0)), begin, end - 1, True))
    close_group()
    return pieces


def _parts(bars: int, reach: int | None) -> int:
    """Pieces of one symbol: as many as a power of two, so that 2, 4 or 8 threads are done with theirs together."""
    parts = 1 << max(0, round(math.log2(max(1, bars) / PIECE_BARS)))
    while parts > 1 and (reach is None or reach * 4 > bars // parts):
        parts //= 2
    return parts


def table_names(stem: str, pieces: list[Piece]) -> list[str]:
    """One table per piece; of a single piece the stem itself."""
    return [f"{stem}_{i}" for i in range(len(pieces))] if len(pieces) > 1 else [stem]


def scan_steps(
    program: Program,
    source: BarSource,
    *,
    bars: str = "bars",
    everything: bool = False,
    not_before: datetime | None = None,
) -> list[Step]:
    """What scans read, the scan piece by piece, and the view that joins the pieces. ``everything`` keeps every bar."""
    layers = program.layers()
    outputs = program.types()
    pieces = pieces_of(source, program.reach)
    tables = table_names("scan", pieces)
    statements = tuple(
        render(
            "30_signals/scan.sql.j2",
            table=table,
            keep_from=piece.keep_from,
            **source_context(layers, source.part(bars, piece.low), piece.one_symbol, piece.low, piece.high),
            outputs=outputs,
            conditions=[] if everything else program.conditions,
            not_before=not_before.isoformat(sep=" ") if not_before and not everything else None,
        )
        for piece, table in zip(pieces, tables, strict=True)
    )
    roots = [o.node for o in program.outputs] + [n for pair in program.moving for n in pair if n is not None]
    steps = stage_steps(program.graph, roots, source, bars)
    steps += [Step("30_signals/scan", statements, parallel=len(pieces) > 1)]
    if len(pieces) > 1:
        steps.append(stage("30_signals/scan_all", writes="scan", tables=tables, columns=["bar", *outputs]))
    return steps
