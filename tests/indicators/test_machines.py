"""State machines: run in stretches side by side, and yet bit for bit what bar after bar would give."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duckbt.engine import stages
from duckbt.errors import ExpressionError
from indicators.evaluate import UNKNOWN, evaluate, graph_of

SETTINGS = settings(max_examples=20, deadline=None)
bars = st.lists(
    st.tuples(st.integers(-3, 3), st.integers(-9, 9), st.integers(-9, 9), st.one_of(st.integers(-2, 2), st.just(UNKNOWN))),
    min_size=1, max_size=70,
)  # fmt: skip


@pytest.fixture
def short_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So short that a few dozen bars are many stretches."""
    monkeypatch.setattr(stages, "SHORTEST_STRETCH", 4)


def chain(series: list[Any], modulus: int, late: int) -> list[float | None]:
    """y = (y·close + high) mod m: a close of 0 forgets, anything else remembers, NULL is for ever."""
    result: list[float | None] = []
    y: float | None = None
    for i in range(len(series)):
        close = series[i - late][3] if i >= late else None
        if i == late:
            y = float(series[i][0])
        elif i > late:
            y = None if y is None or close == UNKNOWN else math.fmod(y * close + series[i][1], modulus)
        result.append(y)
    return result


@SETTINGS
@given(one=bars, two=bars, modulus=st.integers(2, 9), late=st.integers(0, 3))
def test_any_machine(one: list[Any], two: list[Any], modulus: int, late: int) -> None:
    """Machines that forget quickly, rarely and never, after another symbol's bars."""
    texts = {"y": f"machine({{'y': open}}, {{'y': (was.y * lag(nullif(close, 99), {late}) + high) % {modulus}}})"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "SHORTEST_STRETCH", 4)
        columns = evaluate(texts, one, two)
    for mine, series in zip(columns, (one, two), strict=True):
        assert mine["y_y"] == chain(series, modulus, late)


@SETTINGS
@given(one=bars, length=st.integers(1, 70))
def test_every_length_of_a_stretch_gives_the_same(one: list[Any], length: int) -> None:
    texts = {"y": "machine({'y': open, 'up': true}, {'up': case when high > 6 then not was.up else was.up end, "
                  "'y': case when up then greatest(was.y, high) else least(was.y - 1, low) end})"}  # fmt: skip
    found = []
    for stretch in (length, 1000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stages, "SHORTEST_STRETCH", stretch)
            patch.setattr(stages, "LONGEST_STRETCH", stretch)
            found.append(evaluate(texts, one))
    assert found[0] == found[1]


@pytest.mark.usefixtures("short_stretches")
def test_a_machine_that_never_forgets() -> None:
    """A plain running total: no run from a guessed start ever meets the true one."""
    series = [(i % 7, 0, 0, 0) for i in range(200)]
    (columns,) = evaluate({"y": "machine({'y': open + 0.5}, {'y': was.y + open})"}, series)
    assert columns["y_y"] == [0.5 + sum(bar[0] for bar in series[: i + 1]) for i in range(200)]


def test_equal_machines_are_one_stage() -> None:
    text = "machine({'y': open}, {'y': was.y / 2 + close})"
    graph, nodes = graph_of({"a": text, "b": f"2 * {text}", "c": "machine({'y': open}, {'y': was.y / 3 + close})"})
    assert len(graph.stages) == 2
    assert nodes["a_y"] != nodes["b"]


@pytest.mark.parametrize(("text", "message"), [
    ("machine(1, 2)", "two states in braces"),
    ("machine({'y': 1})", "takes 2 arguments"),
    ("machine({'y': 1}, {'z': 2})", "same fields"),
    ("machine({'y': 1}, {'y': lag(was.y, 1)})", "look back"),
    ("was.y + 1", "was"),
])  # fmt: skip
def test_what_a_machine_cannot_do(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        graph_of({"y": text})
