"""A wide scan in several passes: the same bytes as in one, nothing twice, no pass too wide."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from conftest import strategy
from duckbt.compiler import parts
from duckbt.compiler.layers import Layers, Output
from duckbt.compiler.library import Library
from duckbt.compiler.parts import Parted, parted
from duckbt.engine import scan_steps
from duckbt.lake.store import Lake
from duckbt.results.run import prepare
from indicators.bars import hard_symbols, lake_of, scan, walk
from indicators.evaluate import graph_of

EMAS = {f"e{n}": f"ema(close, {n})" for n in range(10, 50)}
CROSSES = {f"x{i}_{j}": f"crossed_above(ema(close, {i}), ema(close, {j}))" for i in range(5, 15) for j in range(40, 50)}
PARTNER = "GBPSYN"
WHOLE = 10**9
NARROW = ("basic", "cycle", "session", "volume")  # little of these families is wide and looks back a bounded number of bars


def laid_out(texts: dict[str, str]) -> Layers:
    graph, nodes = graph_of(texts)
    return Layers(graph, [Output(name, node) for name, node in nodes.items()])


def bounded(text: str) -> bool:
    graph, nodes = graph_of({"x": text})
    return all(graph[node].reach is not None for node in nodes.values())


def steps_of(layers: Layers) -> set[int]:
    return {n for n in layers.needed if layers.computed(n)}


def passes(divided: Parted) -> list[set[int]]:
    """The steps of every pass; the first part runs together with what comes last."""
    found = [steps_of(part) for part in divided.parts]
    found[0] |= steps_of(divided.last)
    return found


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    symbols = hard_symbols()
    names = ("CONSTANT", "ONE", "SOMEVOLUME", "WALK")
    return lake_of(tmp_path_factory.mktemp("hard"), {n: symbols[n] for n in names} | {PARTNER: walk(600, 8)})


@pytest.mark.parametrize("family", sorted({Library()[n].family for n in Library().names()} - {"patterns"}))
def test_parts_change_no_byte(family: str, hard: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every indicator beside the others of its family, as it is and in conditions."""
    library = Library()
    every = {f"{n}_its": library[n].example for n in library.names() if library[n].family == family}
    texts = {name: text for name, text in every.items() if bounded(text)}
    monkeypatch.setattr(parts, "MOST_STEPS", WHOLE)
    whole = scan(hard, texts)
    monkeypatch.setattr(parts, "MOST_STEPS", 70 if family == "cycle" else 40)
    monkeypatch.setattr(parts, "MOST_PARTS", 60)
    monkeypatch.setattr(parts, "_cost", lambda *_: 0)  # whether it pays or not
    divided = parted(prepare(strategy(indicators=texts, entry={"long": "false"}), hard).program.layers())
    assert divided.parts or family in NARROW
    assert scan(hard, texts).equals(whole)


def test_parts_and_pieces_change_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut both ways, on two threads, with staged values and with the bars' own columns in what comes last."""
    lake = lake_of(tmp_path, {"LONG": walk(40_000, 1), "SHORT": walk(300, 2)})
    texts = {
        "a": "adx(14) + close", "b": "stoch(14, 3, 0, 3, 0).k > prev(rsi(close, 14)) and low < open", "c": "cci(20)",
        "d": "percentile(close, 30, 50) + ema(close, 9)", "e": "close > sma(close, 50) and hour(ts) = 3",
    }  # fmt: skip
    results: list[pa.Table] = []
    for most, piece, threads in ((WHOLE, WHOLE, 1), (40, WHOLE, 1), (40, 12_000, 2)):
        monkeypatch.setattr(parts, "MOST_STEPS", most)
        monkeypatch.setattr(scan_steps, "PIECE_BARS", piece)
        results.append(scan(lake, texts, threads=threads))
    plan = prepare(strategy(indicators=texts, entry={"long": "false"}), lake).plan
    scans = next(s for s in plan.steps if s.name == "30_signals/scan").statements
    assert len(scans) > 2
    assert all("positional join part" in text.replace("(select * from ", "") for text in scans)
    assert results[0].equals(results[1])
    assert results[0].equals(results[2])


@pytest.mark.parametrize("texts", [EMAS, CROSSES], ids=["averages", "crosses"])
def test_no_pass_is_too_wide_and_nothing_is_computed_twice(texts: dict[str, str]) -> None:
    layers = laid_out(texts)
    whole, divided = steps_of(layers), parted(layers)
    assert len(whole) > 2 * parts.MOST_STEPS
    assert all(len(p) <= parts.MOST_STEPS for p in map(steps_of, divided.parts))
    assert set().union(*passes(divided)) == whole
    assert sum(map(len, passes(divided))) == len(whole)


def test_what_depends_on_the_first_bar_for_ever_is_not_held_in_memory() -> None:
    assert not parted(laid_out(EMAS | {"total": "obv()"})).parts


def test_a_narrow_scan_is_one_pass() -> None:
    layers = laid_out({"a": "ema(close, 20)", "b": "rsi(close, 14)"})
    assert parted(layers) == Parted((), layers)


def test_a_scan_too_wide_for_parts_is_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MOST_PARTS", 2)
    assert not parted(laid_out(EMAS)).parts


def test_trifles_are_not_handed_over() -> None:
    """What is a step or two from other outputs is computed from them."""
    few = {f"e{n}": f"ema(close, {n})" for n in range(10, 24)}
    divided = parted(laid_out(few | {f"above{n}": f"close > ema(close, {n})" for n in range(10, 24)}))
    handed = [o.node for part in divided.parts for o in part.outputs if part.computed(part.real(o.node))]
    assert len(handed) == 14
