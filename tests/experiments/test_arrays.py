"""The array kernels against their definitions, and against DuckDB."""

from __future__ import annotations

import duckdb
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from duckbt.engine.arrays.account import longest_runs
from duckbt.engine.arrays.exact import exact_sum, grouped_sum, rounded, running_sum
from duckbt.engine.arrays.market import last_of_days
from duckbt.engine.arrays.touches import Pyramid, room
from duckbt.engine.arrays.walk import following, walk
from duckbt.sqlfiles import render

AMOUNTS = st.floats(-1e6, 1e6, allow_nan=False) | st.floats(-1 / 64, 1 / 64) | st.integers(-50, 50).map(float)


@given(st.lists(st.tuples(AMOUNTS, st.booleans()), min_size=1, max_size=60))
def test_sums_have_the_bits_of_the_macro(drawn: list[tuple[float, bool]]) -> None:
    values = [value for value, _ in drawn]
    groups = np.cumsum([begins for _, begins in drawn]).tolist()
    with duckdb.connect() as connection:
        connection.execute(render("70_results/exact_sum.sql"))
        connection.execute("create table t as select unnest(?::double[]) as x, unnest(range(?)) as i, unnest(?) as g",
                           [values, len(values), groups])  # fmt: skip
        total, alone = connection.execute("select exact_sum(x), list(x) from t").fetchall()[0]
        singles = [r[0] for r in connection.execute("select exact_sum(x) from t group by i order by i").fetchall()]
        grouped = [r[0] for r in connection.execute("select exact_sum(x) from t group by g order by g").fetchall()]
        running = [r[0] for r in connection.execute(
            "select sum((x * 18446744073709551616)::hugeint) over (order by i rows unbounded preceding)::double "
            "/ 18446744073709551616 from t order by i").fetchall()]  # fmt: skip
    x = np.array(values)
    assert alone == values
    assert exact_sum(x) == total
    assert rounded(x).tolist() == singles
    assert running_sum(x).tolist() == running
    assert grouped_sum(x, np.unique(groups, return_index=True)[1]).tolist() == grouped


@given(st.lists(st.integers(0, 30), min_size=1, max_size=700), st.data())
def test_the_first_touch_is_the_first(heights: list[int], data: st.DataObject) -> None:
    values = np.array(heights, float)
    padded = room(len(values))
    padded[: len(values)] = values
    pyramid = Pyramid(padded, len(values))
    asked = data.draw(st.lists(st.tuples(st.integers(0, len(heights) + 3), st.integers(0, 32)), min_size=1, max_size=30))
    got = pyramid.first(np.array([b for b, _ in asked]), np.array([float(p) for _, p in asked]))
    expected = [next((i for i in range(b, len(heights)) if heights[i] >= p), len(heights)) for b, p in asked]
    assert got.tolist() == expected


@given(st.lists(st.lists(st.integers(1, 9), max_size=40), min_size=1, max_size=5))
def test_walks_take_what_one_account_after_the_other_would(gaps: list[list[int]]) -> None:
    pointers, expected = [], []
    for steps in gaps:
        entry = np.cumsum(np.array([1, *steps]))
        free = entry + np.array([*steps, 1][::-1])
        pointers.append(following(entry, free))
        taken, until = [], -1
        for place, bar in enumerate(entry):
            if bar >= until:
                taken.append(place)
                until = free[place]
        expected.append(taken)
    assert [w.tolist() for w in walk(pointers)] == expected


@given(st.integers(0, 2_000), st.sampled_from([1, 2, 7, 100, 3_000]), st.integers(0, 2**32 - 1), st.booleans())
def test_walks_join_their_paths(size: int, longest: int, seed: int, equal: bool) -> None:
    jumps = np.random.default_rng(seed).integers(longest if equal else 1, longest + 1, size)
    pointers = np.minimum(np.arange(size) + jumps, size).astype(np.int32)
    expected, here = [], 0
    while here < size:
        expected.append(here)
        here = int(pointers[here])
    assert [w.tolist() for w in walk([pointers, pointers[:0], pointers])] == [expected, [], expected]


@given(st.lists(st.integers(1, 3 * 86_400_000_000), max_size=40), st.integers(-(10**12), 10**12))
def test_the_last_bars_of_days(gaps: list[int], begin: int) -> None:
    ts = np.cumsum([begin, *gaps])
    days = ts // 86_400_000_000
    assert last_of_days(ts).tolist() == [i for i in range(len(ts)) if i + 1 == len(ts) or days[i + 1] != days[i]]


@given(st.lists(st.booleans(), min_size=1, max_size=50))
def test_longest_runs(flags: list[bool]) -> None:
    text = "".join("x" if f else " " for f in flags)
    stretches = max(map(len, text.split()), default=0), max(map(len, text.split("x")), default=0)
    assert longest_runs(np.array(flags, np.bool_)) == stretches
