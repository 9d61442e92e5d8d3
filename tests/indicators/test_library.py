"""Every file of the library: its form, and its values on bars that are hard to compute with."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pytest

from conftest import strategy
from duckbt.compiler.bind import Binder
from duckbt.compiler.library import Library
from duckbt.compiler.syntax import parse_expression
from duckbt.engine import scan_steps
from duckbt.lake.store import Lake
from duckbt.results.run import prepare
from duckbt.sqlfiles import sql_root
from indicators.bars import finite, hard_symbols, lake_of, scan, walk
from indicators.evaluate import graph_of

LIBRARY = Library()
FILES = sorted((sql_root() / "20_indicators").glob("*/*.sql"))
FAMILIES = sorted({f.parent.name for f in FILES})
PARTNER = "GBPSYN"  # the other symbol that an example names
LONGEST_REACH = 1024  # bars: what looks back further is not cut


def examples(family: str) -> dict[str, str]:
    """The example call of each indicator of a family, as a strategy would declare it."""
    return {f"{name}_its": LIBRARY[name].example for name in LIBRARY.names() if LIBRARY[name].family == family}


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return lake_of(tmp_path_factory.mktemp("hard"), hard_symbols() | {PARTNER: walk(600, 8)})


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_file_is_a_short_header_and_one_select(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert len(lines) <= 40
    assert all(len(line) <= 130 or line.startswith("-- parameters:") for line in lines)
    assert all(line == line.rstrip() and "\t" not in line for line in lines)
    body = [line for line in lines if not line.startswith("--")]
    assert lines[: len(lines) - len(body)] + body == lines, "comments come first"
    assert text.endswith("\n")
    assert not text.rstrip().endswith(";")
    assert "\n".join(body).count("select") == 1
    assert lines[1].startswith("-- parameters:")
    indicator = LIBRARY[path.stem]
    visible = [name for name, _ in indicator.outputs if not name.startswith("_")]
    assert visible, "it has an output"
    assert len(visible) > 1 or visible == [path.stem] or indicator.family in ("statistics",), visible
    needs_example = any(default is None for _, default in indicator.parameters)
    assert needs_example == ("-- example:" in text)


@pytest.mark.parametrize("name", LIBRARY.names())
def test_parameters_are_used(name: str) -> None:
    """Every parameter stands somewhere in the body."""
    indicator = LIBRARY[name]
    body = " ".join(line for line in indicator.sql.splitlines() if not line.startswith("--"))
    words = set(body.lower().replace("(", " ").replace(")", " ").replace(",", " ").replace("[", " ").split())
    assert {p for p, _ in indicator.parameters} <= words


def test_equal_calls_are_one_computation() -> None:
    """All that share a part share its nodes: twice everything costs nothing more."""
    texts = {f"a{i}": LIBRARY[name].example for i, name in enumerate(LIBRARY.names())}
    graph, _ = graph_of(texts)
    size, stages = len(graph), len(graph.stages)
    binder = Binder(graph, LIBRARY)
    for text in texts.values():
        binder.bind(parse_expression(text))
    assert (len(graph), len(graph.stages)) == (size, stages)


@pytest.mark.parametrize("family", FAMILIES)
def test_values_are_numbers_or_null(family: str, hard: Lake) -> None:
    """Constant prices, NULL volumes, no volume, one bar, five bars: never NaN, never infinite."""
    table = scan(hard, examples(family))
    assert table.num_rows == sum(map(len, hard_symbols().values())) + 600
    assert finite(table) == []


@pytest.mark.parametrize("family", FAMILIES)
def test_symbols_do_not_touch_each_other(family: str, hard: Lake) -> None:
    """A symbol's values are the same bytes in any company."""
    texts = examples(family)
    together = scan(hard, texts)
    for symbol in hard_symbols():
        alone = scan(hard, texts, [symbol, PARTNER] if family == "statistics" else [symbol])
        mine, its = (t.filter(pc.equal(t["symbol"], symbol)) for t in (together, alone))
        assert [c for c in mine.column_names if not mine[c].equals(its[c])] == []


@pytest.mark.parametrize("family", FAMILIES)
def test_pieces_and_threads_change_nothing(family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long symbol cut in pieces, several symbols, one thread or two: identical bytes."""
    lake = lake_of(tmp_path, {"LONG": walk(9000, 1), PARTNER: walk(300, 2), "ALSO": walk(900, 3)})
    texts = {n: t for n, t in examples(family).items() if _reach(t) < LONGEST_REACH}
    if not texts:
        pytest.skip(f"nothing in {family} can be cut")
    whole = scan(lake, texts, threads=1)
    monkeypatch.setattr(scan_steps, "PIECE_BARS", 4 * LONGEST_REACH)
    prepared = prepare(strategy(indicators=texts, entry={"long": "false"}), lake)
    assert len(scan_steps.pieces_of(prepared.source, prepared.program.reach)) == 3
    assert scan(lake, texts, threads=2).equals(whole)


def _reach(text: str) -> float:
    graph, nodes = graph_of({"x": text})
    reaches = [graph[n].reach for n in nodes.values()]
    return float("inf") if None in reaches else max(reaches)
