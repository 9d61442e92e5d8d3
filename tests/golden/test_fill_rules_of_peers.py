"""Hand-made bars, a long from 100 with stop 95 and target 110: what each engine's rules fill, cell by cell.

The expected prices are what the engines themselves did on these bars.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import strategy
from duckbt.results.run import backtest

FLAT = (100, 100, 100, 100)
PERCENT = {"stop_price": "entry * (1 - 0.05)", "target_price": "entry * (1 + 0.1)"}  # as vectorbt and freqtrade compute them
ENGINES = {
    "backtesting.py": {"exit": {"stop_price": 95, "target_price": 110}, "compat": {"like": "backtesting.py"}},
    "vectorbt": {"exit": PERCENT, "compat": {"like": "vectorbt"}},
    "freqtrade": {"exit": PERCENT, "compat": {"like": "freqtrade"}},
    "quantpipe": {"exit": PERCENT, "compat": {"like": "quantpipe"}},
}
ENTRY_BAR, NEXT_BAR = "entry bar", "next bar"
NONE = None
# where, bar, then the exit price in backtesting.py, vectorbt, freqtrade, quantpipe (None: no exit on that bar)
CELLS = [
    (ENTRY_BAR, (100, 101, 94, 100), 95, NONE, 95, NONE),
    (ENTRY_BAR, (100, 111, 99, 100), 110, NONE, 110, NONE),
    (NEXT_BAR, (100, 111, 94, 100), 95, 95, 95, 95),
    (NEXT_BAR, (93, 94, 92, 93), 93, 93, 93, 95),
    (NEXT_BAR, (93, 96, 92, 93), 93, 93, 95, 95),
    (NEXT_BAR, (112, 113, 111, 112), 112, 112, 111, 110),
    (NEXT_BAR, (112, 114, 105, 113), 112, 112, 110, 110),
    (NEXT_BAR, (112, 113, 94, 112), 95, 95, 95, 95),
    (NEXT_BAR, (100, 101, 95, 100), 95, 95, 95, 95),
    (NEXT_BAR, (100, 110, 99, 100), 110, NONE, NONE, NONE),
]


def bars_of(engine: str, where: str, bar: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The signal bar, the entry bar and the bar after it; engines that fill at the signal's close enter on the first."""
    at_close = engine in ("vectorbt", "quantpipe")
    if where == ENTRY_BAR:
        bars = [(*bar, 1), (*FLAT, 0)] if at_close else [(*FLAT, 1), (*bar, 0)]
        return [*bars, (*FLAT, 0)]
    return [(*FLAT, 1), (*bar, 0), (*FLAT, 0)] if at_close else [(*FLAT, 1), (*FLAT, 0), (*bar, 0), (*FLAT, 0)]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("cell", CELLS, ids=lambda c: f"{c[0]} {c[1]}")
def test_cell(cell, engine: str, make_lake, tmp_path: Path) -> None:
    where, bar, *prices = cell
    expected = prices[list(ENGINES).index(engine)]
    rows = bars_of(engine, where, bar)
    tested = next(i for i, r in enumerate(rows) if r[:4] == bar)
    lake = make_lake(X=rows)
    run = backtest(strategy(entry={"long": "volume = 1"}, **ENGINES[engine]), lake, results=tmp_path / "r")
    ((minute, price, reason),) = run.trades.project("minute(exit_ts), exit_price, exit_reason").fetchall()
    exited_there = minute == tested and reason in ("stop", "target")
    assert (price if exited_there else None) == (pytest.approx(expected, rel=1e-12) if expected else None)


@pytest.mark.parametrize(
    ("engine", "exit_minute", "price"), [("vectorbt", 2, 114), ("freqtrade", 2, 114), ("quantpipe", 1, 114)]
)
def test_a_trail_rises_before_or_after_the_low(
    engine: str, exit_minute: int, price: float, make_lake, tmp_path: Path
) -> None:
    """100, 120, 100, 118: a trail of 6 stands at 114 after that bar; freqtrade and quantpipe test it on the bar itself."""
    rows = [(*FLAT, 1), *([(*FLAT, 0)] if engine == "freqtrade" else []), (100, 120, 100, 118, 0), (118, 118, 113, 114, 0)]
    run = backtest(
        strategy(entry={"long": "volume = 1"}, exit={"trail": 6}, compat={"like": engine}), make_lake(X=rows),
        results=tmp_path / "r",
    )  # fmt: skip
    assert run.trades.project("minute(exit_ts), exit_price").fetchall() == [(exit_minute, price)]


def test_a_target_net_of_fees(make_lake, tmp_path: Path) -> None:
    """freqtrade's ROI of 10 % at 0.1 % fees a side is reached at 110.22022."""
    rows = [(*FLAT, 1), (*FLAT, 0), (100, 115, 100, 112, 0)]
    run = backtest(
        strategy(
            entry={"long": "volume = 1"}, exit={"target_price": "entry * 1.1 * (1 + 0.001) / (1 - 0.001)"},
            compat={"like": "freqtrade"}, costs={"commission": {"rate": 0.001}},
        ),
        make_lake(X=rows), results=tmp_path / "r",
    )  # fmt: skip
    ((price, pnl),) = run.trades.project("exit_price, pnl").fetchall()
    assert price == pytest.approx(110.22022, abs=5e-6)
    assert pnl == pytest.approx(100 * 0.1 * 1.001, rel=1e-9)
