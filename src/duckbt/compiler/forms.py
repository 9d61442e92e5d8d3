"""Functions whose arguments are not simply values: they are read as trees, before they are bound.

* ``case`` – branches that a constant condition rules out are not even looked at, so that ``case matype when 0 then …``
  compiles only the average that is asked for;
* ``total(k, from, to, x)`` – the sum of x with k put to every whole number from … to;
* ``choose(which, k, from, to, x)`` – x with k put to the value of ``which`` on that bar;
* ``warmup(x)`` – the number of the first bar on which x is defined, a constant;
* ``machine({…}, {…})`` – a recursion of any form: the state on the first bar, and on every later bar, where ``was``
  is the state one bar earlier;
* ``tf('1h', x)`` – x on completed bars of a higher timeframe;
* ``symbol('EURUSD', x)`` – x on another symbol of the run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from duckbt.compiler import scalars
from duckbt.compiler.graph import Graph
from duckbt.compiler.stages import Frame, Machine, Other
from duckbt.compiler.syntax import Expr
from duckbt.errors import UsageError
from duckbt.lake.timeframe import Timeframe

if TYPE_CHECKING:
    from duckbt.compiler.bind import Binder, Bound

MOST_TERMS = 2000


def case(b: Binder, tree: Expr) -> Bound:
    """CASE with constant conditions decided here. A single branch left may have several outputs."""
    args = tree.args if len(tree.args) % 2 else (*tree.args, Expr("literal", None))
    pairs = zip(args[:-1:2], args[1:-1:2], strict=True)
    parts: list[int] = []
    last = args[-1]
    for condition, branch in pairs:
        node = b.value(condition)
        if b.graph[node].op == "literal" and isinstance(b.graph[node].value, bool | None):
            if not b.graph[node].value:
                continue
            last = branch
            break
        parts += [node, b.value(branch)]
    if not parts:
        return b.bind(last)
    try:
        return scalars.call(b.graph, "case", [*parts, b.value(last)])
    except TypeError as error:
        raise tree.error(str(error)) from None


def total(b: Binder, tree: Expr) -> Bound:
    """Sum over a range of constants, added in pairs so that it is as deep as its logarithm."""
    _expect(tree, 4, "total(k, from, to, expression)")
    terms = [node for _, node in _each(b, tree, tree.args)]
    if not terms:
        return b.graph.literal(0)
    while len(terms) > 1:
        pairs = [scalars.call(b.graph, "+", pair) for pair in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + terms[len(pairs) * 2 :]
    return terms[0]


def choose(b: Binder, tree: Expr) -> Bound:
    """One of the expressions, as each bar says; NULL outside the range."""
    _expect(tree, 5, "choose(which, k, from, to, expression)")
    which = b.value(tree.args[0])
    parts: list[int] = []
    for value, node in _each(b, tree, tree.args[1:]):
        parts += [scalars.call(b.graph, "=", (which, b.graph.literal(value))), node]
    return scalars.call(b.graph, "case", [*parts, b.graph.literal(None)]) if parts else b.graph.literal(None)


def _each(b: Binder, tree: Expr, args: tuple[Expr, ...]) -> list[tuple[int, int]]:
    """(k, node) for every k; ``args`` are k, from, to, expression."""
    name, low, high, body = args
    if name.kind != "name":
        raise name.error(f"{tree.value} needs a plain name here, as in {tree.value}(k, 0, 9, prev(close, k))")
    first, last = (b.constant(tree, end, "number") for end in (low, high))
    if first != int(first) or last != int(last) or last - first >= MOST_TERMS:
        raise high.error(f"{tree.value} needs whole numbers less than {MOST_TERMS} apart, got {first} and {last}")
    values = range(int(first), int(last) + 1)
    return [(k, replace(b, names=b.names | {name.value: b.graph.literal(k)}).value(body)) for k in values]


def warmup(b: Binder, tree: Expr) -> Bound:
    """The first bar on which the argument is defined."""
    _expect(tree, 1, "warmup(expression)")
    return b.graph.literal(b.graph[b.value(tree.args[0])].first)


def machine(b: Binder, tree: Expr) -> Bound:
    """A state machine as a stage; its outputs are the fields of the state."""
    usage = "machine({'y': first value}, {'y': next value, from was.y})"
    _expect(tree, 2, usage)
    if any(a.kind != "call" or a.value != "struct_pack" or not a.keywords for a in tree.args):
        raise tree.error(f"machine needs two states in braces: {usage}")
    given, following = (dict(a.keywords) for a in tree.args)
    odd = [name for name in {**given, **following} if (name in given) != (name in following) and name[0] != "_"]
    if odd or any(name not in following for name in given):
        raise tree.error(f"both states of a machine must have the same fields; not in both: {', '.join(odd or given)}")
    g = b.graph
    start = {name: b.value(value) for name, value in given.items()}
    types = {name: "double" if g[node].type in scalars.NUMBERS else g[node].type for name, node in start.items()}
    nullable = any(g[node].nullable for node in start.values())
    while True:
        was = {name: g.add("state", (name, nullable), (), types[name], nullable=nullable) for name in start}
        inner = replace(b, names={**b.names, "was": was})
        step: dict[str, int] = {}
        for name, value in following.items():
            step[name] = inner.names[name] = inner.value(value)
        if nullable or not any(g[node].nullable for node in step.values()):
            break
        nullable = True
    made = Machine(g.name_stage("machine"), g, tuple(start), tuple(types.values()), tuple(start.values()),
                   tuple(step[name] for name in start), 0)  # fmt: skip
    inputs = made.inputs()
    if any(g[node].fill for node in (*made.start, *inputs)):
        raise tree.error("a machine cannot look back on a value that exists only at the fill or inside another machine")
    first = max((g[node].first for node in inputs), default=0)
    known = [s for s in g.stages if isinstance(s, Machine) and (s.start, s.step) == (made.start, made.step)]
    stage = known[0] if known else replace(made, first=first)
    if not known:
        g.stages.append(stage)
    return {
        name: g.staged(column, node, first=first, nullable=nullable)
        for name, column, node in zip(stage.fields, stage.columns, was.values(), strict=True)
    }


def higher(b: Binder, tree: Expr) -> Bound:
    """An expression over completed bars of a higher timeframe, in that timeframe's own graph."""
    _expect(tree, 2, "tf('1h', expression)")
    g, frame = b.graph, _frame(b, tree.args[0])
    constant = {n: v for n, v in b.names.items() if isinstance(v, int) and g[v].op == "literal"}
    names: dict[str, Bound] = {n: frame.graph.literal(g[v].value) for n, v in constant.items()}
    inner = replace(b, graph=frame.graph, names=names, fills=(), outside=frozenset(b.names) - set(names), calls=frame.calls)
    bound = inner.bind(tree.args[1])

    def column(node: int) -> int:
        if node not in frame.outputs:
            frame.outputs.append(node)
        inside = frame.graph[node]
        ratio = frame.graph.seconds // g.seconds
        settle = None if inside.settle is None else (inside.settle + 1) * ratio
        name = frame.columns[frame.outputs.index(node)]
        # how many bars below make up one above is for the data to say; NULL until the first is complete
        return g.add("staged", name, (), inside.type, first=inside.first, reach=0, settle=settle, nullable=True)

    return {name: column(node) for name, node in bound.items()} if isinstance(bound, dict) else column(bound)


def _frame(b: Binder, text: Expr) -> Frame:
    """The stage of a timeframe, new or known."""
    g = b.graph
    try:
        wanted = Timeframe(_text(b, text, "tf needs a timeframe as text, as in tf('1h', ema(close, 50))"))
    except UsageError as error:
        raise text.error(str(error)) from None
    below = Timeframe.of_seconds(g.seconds)
    if g.frame:
        raise text.error("tf inside tf: write the expression over one timeframe only")
    if wanted.seconds <= g.seconds or wanted.seconds % g.seconds:
        raise text.error(f"tf needs a longer timeframe that whole bars of {below} make up, got {wanted}")
    for stage in g.stages:
        if isinstance(stage, Frame) and stage.timeframe == str(wanted):
            return stage
    made = Frame(str(wanted), Graph(wanted.seconds, str(wanted)))
    g.stages.append(made)
    return made


def other(b: Binder, tree: Expr) -> Bound:
    """The value of an expression on another symbol, as of each bar's time."""
    _expect(tree, 2, "symbol('EURUSD', expression)")
    name = _text(b, tree.args[0], "symbol needs a symbol as text, as in symbol('EURUSD', close)")
    g, node = b.graph, b.value(tree.args[1])
    if g[node].fill:
        raise tree.error("symbol cannot use a value that exists only at the fill or inside a machine")
    known = [s for s in g.stages if isinstance(s, Other) and (s.x, s.symbol) == (node, name)]
    stage = known[0] if known else Other(g.name_stage("other"), g, node, name)
    if not known:
        g.stages.append(stage)
    return g.staged(stage.columns[0], node, settle=g[node].settle)


def _text(b: Binder, tree: Expr, message: str) -> str:
    node = b.graph[b.value(tree)]
    if node.op != "literal" or not isinstance(node.value, str):
        raise tree.error(message)
    return node.value


def _expect(tree: Expr, count: int, usage: str) -> None:
    if len(tree.args) != count or tree.keywords:
        raise tree.error(f"{tree.value} takes {count} arguments: {usage}")


FORMS: dict[str, Callable[[Binder, Expr], Bound]] = {
    "case": case, "total": total, "choose": choose, "warmup": warmup, "machine": machine, "tf": higher, "symbol": other,
}  # fmt: skip
