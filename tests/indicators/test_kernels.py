"""Kernels against plain Python on random small integers: values, NULLs, warm-up, and how far back they look."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duckbt.compiler import kernels
from duckbt.compiler.graph import Graph
from duckbt.errors import ExpressionError
from indicators import plain
from indicators.evaluate import UNKNOWN, evaluate, graph_of

SETTINGS = settings(max_examples=15, deadline=None)
numbers = st.one_of(st.integers(-9, 9), st.just(UNKNOWN))
series = st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9), st.integers(-9, 9), numbers), min_size=1, max_size=60)
periods = st.integers(1, 21)
X = "nullif(close, 99)"

WINDOWS: dict[str, tuple[str, Callable[..., Any]]] = {
    "sum": ("rolling_sum(x, {n})", sum),
    "least": ("rolling_min(x, {n})", min),
    "greatest": ("rolling_max(x, {n})", max),
    "newest of the least": ("rolling_argmin(x, {n})", plain.age_of(min)),
    "newest of the greatest": ("rolling_argmax(x, {n})", plain.age_of(max)),
    "weighted": ("rolling_weighted_sum(x, {n})", plain.weighted_sum),
    "variance": ("rolling_variance(x, {n})", lambda v: plain.covariance(v, v)),
    "slope": ("rolling_slope(x, {n})", plain.slope),
    "median": ("rolling_quantile(x, {n}, floor(({n} + 1) / 2))", lambda v: sorted(v)[(len(v) - 1) // 2]),
    "rank": ("rolling_rank(x, {n})", lambda v: Fraction(sum(a < v[-1] for a in v))),
}


def known(bars: list[tuple[int, ...]], column: int = 3) -> list[int | None]:
    return [None if bar[column] == UNKNOWN else bar[column] for bar in bars]


def assert_same(ours: list[Any], exact: list[Any], scale: float, tolerance: float = 1e-13) -> None:
    """Equal NULLs, and values equal within rounding on the scale of the numbers that went in."""
    assert [v is None for v in ours] == [v is None for v in exact]
    for a, b in zip(ours, exact, strict=True):
        assert a is None or abs(Fraction(a) - b) <= tolerance * scale


@pytest.mark.parametrize("name", WINDOWS)
@SETTINGS
@given(bars=series, other=series, n=periods, late=st.integers(0, 3))
def test_windows(name: str, bars: list[Any], other: list[Any], n: int, late: int) -> None:
    """Also right after another symbol's bars, and on a series that itself begins late."""
    text, exact = WINDOWS[name]
    columns = evaluate({"x": f"lag({X}, {late})", "y": text.format(n=n)}, other, bars)
    for mine, input_ in zip(columns, (other, bars), strict=True):
        x = [None] * late + known(input_)[: max(0, len(input_) - late)]
        # small integers: only divisions may round
        tolerance = 1e-13 if name in ("variance", "slope") else 0
        assert_same(mine["y"], plain.window(x[: len(input_)], late, n, exact), 100, tolerance)


@SETTINGS
@given(bars=series, n=periods)
def test_covariance(bars: list[Any], n: int) -> None:
    (columns,) = evaluate({"y": f"rolling_covariance({X}, open, {n})"}, bars)
    pairs = [None if bar[3] == UNKNOWN else i for i, bar in enumerate(bars)]

    def exact(places: list[Fraction]) -> Fraction:
        rows = [bars[int(i)] for i in places]
        return plain.covariance([Fraction(r[3]) for r in rows], [Fraction(r[0]) for r in rows])

    assert_same(columns["y"], plain.window(pairs, 0, n, exact), 100)


@SETTINGS
@given(bars=series, other=series, n=st.integers(1, 9), late=st.integers(0, 3),
       decay=st.sampled_from([0.0, 0.25, 0.5, 0.75]), gain=st.sampled_from([0.25, 1.0]))  # fmt: skip
def test_recurrence(bars: list[Any], other: list[Any], n: int, late: int, decay: float, gain: float) -> None:
    n = n if decay else 1
    text = f"recurrence(lag({X}, {late}), {gain}, {decay}, {n}, {1 / n!r})"
    graph, nodes = graph_of({"y": text})
    memory = graph[nodes["y"]].reach - late + 1
    assert decay**memory < kernels.NEGLIGIBLE  # what is cut off cannot be seen in a double
    for mine, input_ in zip(evaluate({"y": text}, other, bars), (other, bars), strict=True):
        x = ([None] * late + known(input_))[: len(input_)]
        exact = plain.recurrence(x, late, Fraction(gain), Fraction(decay), n, Fraction(1 / n), memory)
        assert_same(mine["y"], exact, 100)


@SETTINGS
@given(bars=series, other=series)
def test_affine(bars: list[Any], other: list[Any]) -> None:
    """A factor that varies from bar to bar: y = a·y + b; 0 forgets everything before."""
    text = f"affine(open / 12, {X}, high, 0.75)"
    graph, nodes = graph_of({"y": text})
    memory = graph[nodes["y"]].reach + 1
    assert 0.75**memory < kernels.NEGLIGIBLE
    for mine, input_ in zip(evaluate({"y": text}, other, bars), (other, bars), strict=True):
        a, high = [Fraction(bar[0], 12) for bar in input_], [bar[1] for bar in input_]
        assert_same(mine["y"], plain.affine(a, known(input_), high, memory), 100)


RUNNING: dict[str, tuple[str, Callable[..., Any]]] = {
    "sum": ("sum_since(x, reset)", plain.total),
    "greatest": ("highest_since(x, reset)", plain.best(max)),
    "least": ("lowest_since(x, reset)", plain.best(min)),
}


@pytest.mark.parametrize("name", RUNNING)
@SETTINGS
@given(bars=series, other=series)
def test_since(name: str, bars: list[Any], other: list[Any]) -> None:
    text, exact = RUNNING[name]
    both = evaluate({"x": X, "reset": "open > 5", "y": text}, other, bars)
    (alone,) = evaluate({"x": X, "reset": "open > 5", "y": text}, bars)
    assert alone["y"] == both[1]["y"]
    for mine, input_ in zip(both, (other, bars), strict=True):
        assert_same(mine["y"], plain.since(known(input_), [bar[0] > 5 for bar in input_], exact), 1, 0)


@SETTINGS
@given(bars=series, other=series)
def test_running_sum_and_last_where(bars: list[Any], other: list[Any]) -> None:
    texts = {"x": X, "total": "running_sum(x)", "last": "last_where(x, open > 5)"}
    both = evaluate(texts, other, bars)
    assert evaluate(texts, bars) == both[1:]
    for mine, input_ in zip(both, (other, bars), strict=True):
        x = known(input_)
        assert_same(mine["total"], plain.since(x, [False] * len(x), plain.total), 1, 0)
        assert mine["last"] == plain.last_where(x, [bar[0] > 5 for bar in input_])


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=60), st.data())
@SETTINGS
def test_sums_do_not_depend_on_what_came_before(values: list[float], data: st.DataObject) -> None:
    """The sum since a reset is bit for bit the same wherever the data begins."""
    cut = data.draw(st.integers(1, len(values) - 1))
    bars = [(float(i == cut), v, v, v) for i, v in enumerate(values)]
    (whole,), (late,) = (evaluate({"y": "sum_since(close, open = 1)"}, part) for part in (bars, bars[cut:]))
    assert whole["y"][cut:] == late["y"]
    grid = [Fraction(round(Fraction(v) * 2**50)) / 2**50 for v in values[cut:]]
    for got, end in zip(late["y"], range(1, len(grid) + 1), strict=True):
        exact = sum(grid[:end], Fraction(0))
        assert abs(Fraction(got) - exact) <= Fraction(max(math.ulp(float(exact)), 2.0**-50 * end))


@pytest.mark.parametrize("text", [
    "rolling_sum(close, 7)", "rolling_min(close, 7)", "rolling_argmax(close, 7)", "rolling_weighted_sum(close, 13)",
    "rolling_variance(close, 12)", "rolling_covariance(close, open, 6)", "rolling_slope(close, 11)",
    "recurrence(close, 1, 0.25, 3, 1)", "affine(abs(open) / 36, close, high, 0.25)",
])  # fmt: skip
@SETTINGS
@given(bars=series, old=st.lists(st.tuples(*[st.integers(-9, 9)] * 4), max_size=40), new=st.integers(0, 40))
def test_nothing_older_than_the_reach_matters(text: str, bars: list[Any], old: list[Any], new: int) -> None:
    """Change what lies further back than ``reach``: not a bit differs. This is what lets a scan be cut into pieces."""
    graph, nodes = graph_of({"y": text})
    reach, first = graph[nodes["y"]].reach, graph[nodes["y"]].first
    shared = [(1, 2, 3, 4)] * (reach + first) + bars
    one, other = evaluate({"y": text}, old + shared, [(new, new, new, new)] * len(old) + shared)
    tail = len(old) + reach + first
    assert one["y"][tail:] == other["y"][tail:]
    assert None not in one["y"][tail:]


@given(parts=st.lists(st.lists(st.integers(-9, 9), min_size=1, max_size=8), min_size=3, max_size=3))
@pytest.mark.parametrize(("combine", "start"), [
    (kernels.add, lambda x: (x,)), (kernels.weigh, lambda x: (x, x)), (kernels.spread, lambda x: (x, 0)),
    (kernels.spread, lambda x: (x, -x * x, 0)), (kernels.tilt, lambda x: (x, 0)),
    (kernels.extreme("greatest"), lambda x: (x,)), (kernels.aged("greatest", ">="), lambda x: (x, 0)),
    (kernels.extreme("least"), lambda x: (x,)), (kernels.aged("least", "<="), lambda x: (x, 0)),
])  # fmt: skip
def test_combining_blocks_is_associative(
    combine: kernels.Combine, start: Callable[..., Any], parts: list[list[int]]
) -> None:
    """(a b) c = a (b c), whatever the lengths: constants are folded, so no data is needed."""
    g = Graph()

    def joined(old: tuple[kernels.Values, int], new: tuple[kernels.Values, int]) -> tuple[kernels.Values, int]:
        return combine(g, old[0], new[0], old[1], new[1]), old[1] + new[1]

    def block_of(values: list[int]) -> tuple[kernels.Values, int]:
        made = [(tuple(g.literal(v) for v in start(x)), 1) for x in values]
        while len(made) > 1:
            made[:2] = [joined(*made[:2])]
        return made[0]

    a, b, c = map(block_of, parts)
    for left, right in zip(joined(joined(a, b), c)[0], joined(a, joined(b, c))[0], strict=True):
        assert _value(g, left) == pytest.approx(_value(g, right), rel=1e-12, abs=1e-11)


def _value(g: Graph, node: int) -> float:
    """A constant, or CASE over comparisons of constants with CASE (which is not folded)."""
    args = [_value(g, a) for a in g[node].args]
    if g[node].op == "literal":
        return g[node].value
    if g[node].value == "+":
        return sum(args)
    if g[node].value in (">=", "<="):
        return args[0] >= args[1] if g[node].value == ">=" else args[0] <= args[1]
    assert g[node].value == "case"
    return next((v for c, v in zip(args[:-1:2], args[1:-1:2], strict=True) if c), args[-1])


@pytest.mark.parametrize("text", [
    "recurrence(close, 1, 1, 1, 1)", "recurrence(close, 1, -0.5, 1, 1)", "recurrence(close, 1, 0, 2, 1)",
    "affine(0.5, close, 0, 1)", "affine(0.5, close, 0, -1)", "rolling_quantile(close, 3, 4)",
])  # fmt: skip
def test_numbers_a_kernel_cannot_work_with(text: str) -> None:
    """Refused with the reason; without that a decay of 1 would double for ever."""
    with pytest.raises(ExpressionError, match="must be"):
        graph_of({"y": text})


SAME = [
    "rolling_sum(x, 1)", "rolling_min(x, 1)", "rolling_max(x, 1)", "rolling_weighted_sum(x, 1)", "recurrence(x, 1, 0, 1, 1)",
    "affine(0, x, 0, 0)", "sum_since(x, true)", "highest_since(x, true)", "lowest_since(x, true)", "last_where(x, true)",
]  # fmt: skip
NOTHING = ["rolling_variance(x, 1)", "rolling_argmin(x, 1)", "rolling_argmax(x, 1)", "rolling_rank(x, 1)"]


@pytest.mark.parametrize(("text", "exact"), [*((t, None) for t in SAME), *((t, 0) for t in NOTHING)])
@SETTINGS
@given(bars=series)
def test_a_window_of_one_bar_is_the_bar(text: str, exact: float | None, bars: list[Any]) -> None:
    """Every kernel's identity: a block of one bar, a step that forgets all before it, a reset on every bar."""
    (columns,) = evaluate({"x": X, "y": text}, bars)
    assert columns["y"] == [v if v is None or exact is None else exact for v in columns["x"]]


def test_long_windows_cost_their_logarithm() -> None:
    """A window of a million bars is a few dozen nodes, not a million."""
    graph, _ = graph_of({"y": "rolling_sum(close, 1000000)"})
    assert len(graph) < 2500  # the longest lags are chains of 1024
