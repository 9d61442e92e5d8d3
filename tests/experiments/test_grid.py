"""Which parameter sets a sweep tries."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import strategy
from duckbt.errors import StrategyError, UsageError
from duckbt.experiments.grid import different, grid_of, parameter_sets, parse_values, values_of
from duckbt.experiments.search import finer_grid
from duckbt.strategy.model import Range

FILE = strategy(params={"fast": 5, "slow": 20, "k": 1.5, "mode": "a", "on": True},
                entry={"long": "close > sma(close, $fast) and close > sma(close, $slow) * $k and $on and $mode = 'a'"},
                sweep={"fast": [3, 5], "slow": {"from": 10, "to": 30, "step": 10}, "where": "$fast * 5 < $slow"})  # fmt: skip


def pairs(sets: list[dict[str, Any]]) -> list[tuple[Any, Any]]:
    return [(s["fast"], s["slow"]) for s in sets]


def test_the_strategys_own_sweep() -> None:
    assert pairs(parameter_sets(FILE, grid_of(FILE))) == [(3, 20), (3, 30), (5, 30)]


def test_a_given_grid_replaces_values_and_keeps_the_condition() -> None:
    assert pairs(parameter_sets(FILE, grid_of(FILE, {"fast": [2]}))) == [(2, 20), (2, 30)]
    assert pairs(parameter_sets(FILE, grid_of(FILE, {"fast": "2,4"}, "$fast = 4"))) == [(4, 10), (4, 20), (4, 30)]


def test_fixed_parameters_stay() -> None:
    assert {s["k"] for s in parameter_sets(FILE, grid_of(FILE), {"k": "2.5"})} == {2.5}


@pytest.mark.parametrize(("text", "values"), [
    ("1,2,3", [1, 2, 3]), ("1.5", [1.5]), ("10..30:10", [10, 20, 30]), ("0.1..0.4:0.1", [0.1, 0.2, 0.3, 0.4]), ("3..5", [3, 4, 5]),
    ("a,b", ["a", "b"]), ("true,false", [True, False]), ("-2..2:2", [-2, 0, 2]), ("1,1", [1]), ("1e-3", [0.001]),
])  # fmt: skip
def test_values_from_the_command_line(text: str, values: list[Any]) -> None:
    parsed = parse_values(text)
    assert values_of(parsed) == values
    assert [type(v) for v in values_of(parsed)] == [type(v) for v in values]


@pytest.mark.parametrize("text", ["", "1,,2", "5..3", "1..2:0", "1..2:-1"])
def test_values_that_cannot_be_meant(text: str) -> None:
    with pytest.raises((UsageError, ValueError)):
        values_of(parse_values(text))


@pytest.mark.parametrize(("where", "message"), [
    ("$fast < $slov", "unknown parameter"), ("close > 1", "only parameters"), ("$fast", "a condition"),
    ("(select 1) = 1", "sweep.where"), ("$fast < ", "sweep.where"),
])  # fmt: skip
def test_conditions_that_are_refused(where: str, message: str) -> None:
    with pytest.raises(StrategyError, match=message.replace("$", r"\$")):
        parameter_sets(FILE, grid_of(FILE, where=where))


def test_nothing_left_is_said() -> None:
    with pytest.raises(UsageError, match="no parameter set meets"):
        parameter_sets(FILE, grid_of(FILE, where="$fast > $slow"))
    with pytest.raises(StrategyError, match="no parameter 'fats'"):
        grid_of(FILE, {"fats": [1]})
    with pytest.raises(UsageError, match=r"no \[sweep\]"):
        grid_of(strategy(entry={"long": "close > 1"}))


@given(st.integers(1, 60), st.integers(0, 5))
def test_random_samples_are_seeded_and_without_repeats(samples: int, seed: int) -> None:
    grid = grid_of(FILE, {"fast": "1..5", "slow": "6..15"}, "true")
    one, two = (parameter_sets(FILE, grid, method="random", samples=samples, seed=seed) for _ in range(2))
    assert one == two
    assert len(set(pairs(one))) == len(one) == min(samples, 50)


@given(st.integers(1, 40), st.integers(0, 5))
def test_latin_hypercubes_use_every_value_equally(samples: int, seed: int) -> None:
    grid = grid_of(FILE, {"fast": "1..5", "slow": "6..15"}, "true")
    sets = parameter_sets(FILE, grid, method="lhs", samples=samples, seed=seed)
    if len(sets) == samples:  # sets drawn twice are run once
        for name, count in (("fast", 5), ("slow", 10)):
            counts = Counter(s[name] for s in sets)
            assert max(counts.values()) - min([*counts.values(), *([0] * (len(counts) < count))]) <= 1


def test_finer_grids() -> None:
    grid = {"fast": [2, 6, 10], "k": [1.0, 2.0], "mode": ["a", "b"]}
    assert finer_grid(grid, {"fast": 6, "k": 2.0, "mode": "b"}) == {"fast": [4, 6, 8], "k": [1.5, 2.0], "mode": ["b"]}
    assert different([{"a": 1, "b": 2}, {"a": 1, "b": 3}]) == ["b"]
    assert values_of(Range(**{"from": 1, "to": 2, "step": 0.5})) == [1, 1.5, 2]
