"""Signals on bars that are hard to compute with: what is not known fires nothing, and nothing is NaN or infinite."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from conftest import strategy
from duckbt.lake.store import Lake
from duckbt.results.run import Run, backtest
from indicators.bars import hard_symbols, lake_of

SYMBOLS = hard_symbols()
# (expression, symbols that can have no value of it at all)
DIVIDING: dict[str, tuple[str, set[str]]] = {
    "rsi": ("rsi(close, 14)", {"ONE", "FIVE", "CONSTANT"}),
    "zscore": ("zscore(close, 20)", {"ONE", "FIVE", "CONSTANT"}),
    "cci": ("cci(14)", {"ONE", "FIVE", "CONSTANT"}),
    "willr": ("willr(14)", {"ONE", "FIVE", "CONSTANT"}),
    "correl": ("correl(high, low, 10)", {"ONE", "FIVE", "CONSTANT"}),
    "vwma": ("vwma(close, 5)", {"ONE", "NOVOLUME", "ZEROVOLUME"}),
    "mfi": ("mfi(14)", {"ONE", "FIVE", "CONSTANT", "NOVOLUME", "ZEROVOLUME"}),
    "share": ("volume / prev(volume)", {"ONE", "NOVOLUME", "ZEROVOLUME"}),
    "turn": ("ln(volume)", {"NOVOLUME", "ZEROVOLUME"}),
    "adx": ("adx(14)", {"ONE", "FIVE", "CONSTANT"}),
    "long": ("ema(close, 600)", {"ONE", "FIVE", "CONSTANT", "ZEROVOLUME"}),  # longer than they are
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return lake_of(tmp_path_factory.mktemp("hard"), SYMBOLS)


def fired(run: Run) -> list[tuple[Any, ...]]:
    return run.signals.project("symbol, x").fetchall()


@pytest.mark.parametrize("name", DIVIDING)
def test_what_is_not_known_fires_nothing(name: str, lake: Lake, tmp_path: Path) -> None:
    """Neither a condition nor its opposite holds where its value is NULL; where it is known, one of the two does."""
    text, without = DIVIDING[name]
    file = strategy(indicators={"x": text}, entry={"long": "x > 0", "short": "not (x > 0)"}, exit={"max_bars": 1})
    run = backtest(file, lake, results=tmp_path)
    signals = fired(run)
    assert {symbol for symbol, _ in signals} == set(SYMBOLS) - without
    assert all(x is not None and math.isfinite(x) for _, x in signals)
    first = run.manifest.indicators[0].first_bar
    for symbol in set(SYMBOLS) - without:
        assert sum(s == symbol for s, _ in signals) <= len(SYMBOLS[symbol]) - first
    for table in ("trades", "equity"):
        rows = run.table(table).fetchall()
        assert all(math.isfinite(v) for row in rows for v in row if isinstance(v, float))


def test_no_signal_before_the_warm_up(lake: Lake, tmp_path: Path) -> None:
    """Even a condition that NULL would satisfy waits for its inputs."""
    texts = {"x": "ema(close, 30)"}
    file = strategy(indicators=texts, entry={"long": "x is null or x > 0"}, exit={"max_bars": 1})
    run = backtest(file, lake, results=tmp_path)
    counts = dict(run.signals.aggregate("symbol, count(*)").fetchall())
    assert counts == {s: len(rows) - 29 for s, rows in SYMBOLS.items() if len(rows) > 29}


def test_levels_that_are_not_known_reject_the_trade(lake: Lake, tmp_path: Path) -> None:
    """A stop of NULL or nothing never becomes a trade, and is never dropped in silence."""
    file = strategy(indicators={"d": "stddev(close, 5)"}, entry={"long": "close > 0"}, exit={"stop": "d / d - 1"})
    run = backtest(file, lake, ["CONSTANT", "STOPPED"], results=tmp_path)
    assert run.metrics["trades"] == 0
    statuses = dict(run.signals.aggregate("status, count(*)").fetchall())
    assert set(statuses) <= {"rejected_levels", "last_bar"}
    assert sum(statuses.values()) == len(SYMBOLS["CONSTANT"]) + len(SYMBOLS["STOPPED"])
