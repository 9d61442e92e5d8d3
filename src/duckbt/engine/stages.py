"""The statements that make the staged tables a scan reads, in the order in which they must run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from duckbt.compiler.bind import BAR_COLUMNS
from duckbt.compiler.graph import Graph, Stage
from duckbt.compiler.layers import Layers, Output, literal
from duckbt.compiler.stages import Frame, Machine, Other, Window
from duckbt.engine.step import Step, stage
from duckbt.errors import StrategyError
from duckbt.lake.source import PLACE_BITS, BarSource
from duckbt.sqlfiles import quote_name

SHORTEST_STRETCH, LONGEST_STRETCH, STRETCHES = 256, 1024, 8192
SQL_TYPES = {
    "double": "double", "boolean": "boolean", "text": "varchar", "timestamp": "timestamp", "date": "date", "time": "time",
}  # fmt: skip


def source_context(
    layers: Layers, bars: str, one_symbol: bool, low: int | None = None, high: int | None = None
) -> dict[str, Any]:
    """What ``30_signals/layers.sql.j2`` needs to write a scan of these layers along ``bars``, from ``low`` to ``high``."""
    read = set(layers.staged())
    staged = [s for s in layers.graph.stages if read & set(s.columns)]
    since = low & ((1 << PLACE_BITS) - 1) if one_symbol and low is not None else 0
    return {
        "bars": bars,
        "columns": [c for c in layers.source_columns() if c not in read],
        "staged": [{"table": s.table, "columns": [c for c in s.columns if c in read]} for s in staged],
        "layers": layers.layers("source", one_symbol, since),
        "low": low,
        "high": high,
    }


def stage_steps(graph: Graph, roots: Iterable[int], source: BarSource, bars: str) -> list[Step]:
    """Steps that make every staged table the nodes ``roots`` need, directly or through other stages."""
    needed = _staged(graph, roots)
    chosen: list[Stage] = []
    for found in reversed(graph.stages):
        if needed & set(found.columns):
            chosen.append(found)
            needed |= _staged(graph, _inputs(found))
    return [step for made in reversed(chosen) for step in _steps(made, source, bars)]


def _staged(graph: Graph, roots: Iterable[int]) -> set[str]:
    """Staged columns below the given nodes."""
    seen, stack, found = set(roots), list(roots), set()
    while stack:
        node = graph[stack.pop()]
        if node.op == "staged":
            found.add(str(node.value))
        new = set(node.args) - seen
        seen |= new
        stack += new
    return found


def _inputs(made: Stage) -> Sequence[int]:
    """The nodes of the stage's graph that its own scan computes."""
    if isinstance(made, Machine):
        return made.inputs()
    if isinstance(made, Window | Other):
        return [made.x]
    return []


def _steps(made: Stage, source: BarSource, bars: str) -> list[Step]:
    one_symbol = len(source.symbols) == 1
    if isinstance(made, Machine):
        return _machine(made, source, bars, one_symbol)
    if isinstance(made, Frame):
        return _frame(made, source, bars, one_symbol)
    if isinstance(made, Window):
        context = source_context(Layers(made.graph, [Output("x", made.x)]), bars, one_symbol)
        return [_stage("window", made.table, **context, sql=made.sql, size=made.bars, column=made.columns[0])]
    if isinstance(made, Other):
        return [_other(made, source, bars)]
    raise TypeError(made)


def _stage(template: str, table: str, **values: Any) -> Step:
    return stage(f"25_stages/{table}", f"25_stages/{template}", table=table, **values)


def _other(made: Other, source: BarSource, bars: str) -> Step:
    place = next((s.place for s in source.symbols if s.symbol == made.symbol), None)
    if place is None:
        run = ", ".join(s.symbol for s in source.symbols[:10])
        raise StrategyError(f"symbol('{made.symbol}', …): {made.symbol} is not among the symbols of this run ({run})")
    g = made.graph
    outputs = [Output("known_at", g.column("ts", "timestamp"), guard=False), Output(made.columns[0], made.x)]
    first = place << PLACE_BITS
    context = source_context(Layers(g, outputs), bars, True, first, first + (1 << PLACE_BITS) - 1)
    return _stage("other", made.table, **context, symbol=made.symbol, column=made.columns[0])


def _frame(made: Frame, source: BarSource, bars: str, one_symbol: bool) -> list[Step]:
    g, frame_bars = made.graph, f"bars_{made.timeframe}"
    below = source.datasets[0].timeframe.seconds
    wanted = [name for name in BAR_COLUMNS if name != "ts" and name in g.columns]
    grouped = _stage("frame_bars", frame_bars, bars=bars, seconds=g.seconds, below=below, wanted=wanted)
    outputs = [Output(name, node) for name, node in zip(made.columns, made.outputs, strict=True)]
    layers = Layers(g, [Output("seen_from", g.column("seen_from", "integer"), guard=False), *outputs])
    context = source_context(layers, frame_bars, one_symbol)
    spread = _stage("frame", made.table, **context, timeframe=made.timeframe, outputs=made.columns, symbols=source.symbols)
    return [grouped, *stage_steps(g, made.outputs, source, frame_bars), spread]


def _machine(made: Machine, source: BarSource, bars: str, one_symbol: bool) -> list[Step]:
    g, table = made.graph, made.table
    inputs = {node: f"x{number}" for number, node in enumerate(made.inputs())}
    scan = Layers(g, [Output(name, node, guard=False) for node, name in inputs.items()])
    bars_at_most = source.bars * source.datasets[0].timeframe.seconds // g.seconds
    stretch = max(SHORTEST_STRETCH, min(LONGEST_STRETCH, bars_at_most // STRETCHES))
    fields = [quote_name(f) for f in made.fields]
    start = [
        f"{_input(g, node, inputs)}::{SQL_TYPES[type_]} as {name}"
        for name, type_, node in zip(fields, made.types, made.start, strict=True)
    ]
    onward = f"i.step = (r.step + 1) % {stretch} and i.bar = r.bar + 1"
    following = {
        "machine_runs": _next(made, inputs, ("step", "bar"), "i.step = r.step + 1 and i.bar = r.bar + 1", "r.step >= 0"),
        "machine_repairs": _next(made, inputs, ("step", "bar", "origin"), onward, "not r.met"),
        "machine_rest": _next(made, inputs, ("step", "bar"), onward, "true"),
    }
    parts = ("machine_inputs", "machine_runs", "machine_repairs", "machine_long", "machine_rest", "machine")
    names = {part: part.replace("machine", table) for part in parts}
    values = {
        **source_context(scan, bars, one_symbol),
        "table": table,
        "inputs": list(inputs.values()),
        "first": made.first,
        "stretch": stretch,
        "bars_at_most": bars_at_most,
        "fields": fields,
        "start": start,
        "named": [{"name": f, "column": c} for f, c in zip(fields, made.columns, strict=True)],
    }
    steps = [stage(f"25_stages/{names[part]}", f"25_stages/{part}", **values, next=following.get(part)) for part in parts]
    return [*steps, Step(f"25_stages/{table}", tuple(f"drop table {names[part]}" for part in parts[:-1]))]


def _input(g: Graph, node: int, inputs: dict[int, str]) -> str:
    return inputs[node] if node in inputs else literal(g[node].value)


def _next(made: Machine, inputs: dict[int, str], keys: tuple[str, ...], on: str, where: str) -> str:
    """The recursive part: every run's row joined with the inputs of its next bar, and the state that follows."""
    states = {n: f"was_{made.graph[n].value[0]}" for n in _states(made)}
    outputs = [Output(f, n, guard=False) for f, n in zip(made.fields, made.step, strict=True)]
    layers = Layers(made.graph, outputs, {**inputs, **states}, keys).layers("", one_symbol=True)
    read = [f"r.{key}" if key == "origin" else f"i.{key}" for key in keys] + [f"i.{x}" for x in inputs.values()]
    read += [f"r.{quote_name(f)} as {quote_name(f'was_{f}')}" for f in made.fields]
    text = f"(select {', '.join(read)} from run r join {made.table}_inputs i on {on} where {where})"
    for layer in layers:
        text = f"(select {', '.join(layer.columns)} from {text})"
    return text


def _states(made: Machine) -> list[int]:
    """The state nodes that the step uses."""
    seen, stack = set(made.step), list(made.step)
    while stack:
        new = {a for a in made.graph[stack.pop()].args if made.graph[a].fill} - seen
        seen |= new
        stack += new
    return sorted(n for n in seen if made.graph[n].op == "state")
