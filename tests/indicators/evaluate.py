"""Expressions over a few made-up bars, without files: what property tests run hundreds of times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import duckdb

from conftest import START
from duckbt.compiler.bind import Binder
from duckbt.compiler.graph import Graph
from duckbt.compiler.layers import Layers, Output
from duckbt.compiler.library import Library
from duckbt.compiler.syntax import parse_expression
from duckbt.engine.stages import source_context, stage_steps
from duckbt.lake.source import PLACE_BITS, SymbolBars
from duckbt.lake.timeframe import Timeframe
from duckbt.sqlfiles import render

LIBRARY = Library()
UNKNOWN = 99  # nullif(close, 99) in an expression makes a series with holes
Bars = Sequence[Sequence[float | None]]  # per bar: open, high, low, close, volume, as many as the test needs


def graph_of(expressions: Mapping[str, str], seconds: int = 60) -> tuple[Graph, dict[str, int]]:
    """The expressions bound into one graph, as a strategy's indicators are."""
    graph = Graph(seconds)
    binder = Binder(graph, LIBRARY)
    nodes: dict[str, int] = {}
    for name, text in expressions.items():
        binder.names[name] = bound = binder.bind(parse_expression(text))
        nodes |= {f"{name}_{k}": v for k, v in bound.items()} if isinstance(bound, dict) else {name: bound}
    return graph, nodes


def evaluate(
    expressions: Mapping[str, str], *series: Bars, times: Sequence[Sequence[datetime]] = (), timeframe: str = "1m"
) -> list[dict[str, list[Any]]]:
    """Per symbol the columns of the expressions. Symbols are S000, S001, …; bars follow without a gap unless ``times``."""
    length = Timeframe(timeframe).seconds
    graph, nodes = graph_of(expressions, length)
    layers = Layers(graph, [Output(name, node) for name, node in nodes.items()])
    symbols = [SymbolBars(place, f"S{place:03d}", len(bars)) for place, bars in enumerate(series)]
    source = SimpleNamespace(
        symbols=symbols, bars=sum(map(len, series)), datasets=[SimpleNamespace(timeframe=Timeframe(timeframe))]
    )
    rows = []
    for place, bars in enumerate(series):
        for i, bar in enumerate(bars):
            ts = times[place][i] if times else START + timedelta(seconds=length * i)
            padded = [*bar[:5], *[bar[-1]] * (5 - len(bar))]
            values = ", ".join("null" if v is None else repr(float(v)) for v in padded)
            rows.append(f"({(place << PLACE_BITS) + i}, 'S{place:03d}', timestamp '{ts}', {values})")
    with duckdb.connect() as connection:
        connection.execute("set threads = 1")
        connection.execute(
            "create table bars as select bar::bigint as bar, symbol, ts, open::double as open, high::double as high, "
            f"low::double as low, close::double as close, volume::double as volume from (values {', '.join(rows)}) "
            "t(bar, symbol, ts, open, high, low, close, volume)"
        )
        for step in stage_steps(graph, nodes.values(), source, "bars"):
            for statement in step.statements:
                connection.execute(statement)
        context = source_context(layers, "bars", len(series) == 1)
        connection.execute(render("30_signals/scan.sql.j2", table="scan", keep_from=None, **context,
                                  outputs=dict.fromkeys(nodes, "double"), conditions=[], not_before=None))  # fmt: skip
        found = connection.execute("select * from scan").fetchall()
    columns = [dict.fromkeys(nodes) for _ in series]
    for place in range(len(series)):
        mine = [row for row in found if row[0] >> PLACE_BITS == place]
        columns[place] = {name: [row[i + 1] for row in mine] for i, name in enumerate(nodes)}
    return columns
