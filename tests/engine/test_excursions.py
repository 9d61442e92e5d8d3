"""How far every trade went against and for its owner, and when, beside a loop over the bars it saw."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from conftest import strategy, walk
from duckbt.lake.store import Lake
from duckbt.results.run import backtest

ENTRY = {"long": "crossed_above(close, sma(close, 3))", "short": "crossed_below(close, sma(close, 3))"}
LEVELS = {"stop": "2 * atr(3)", "target": "3 * atr(3)", "max_bars": 80}
CASES: dict[str, dict[str, Any]] = {
    "levels": {"exit": LEVELS},
    "long held": {"exit": {"stop": "9 * atr(3)", "max_bars": 400}},
    "time only": {"exit": {"max_bars": 1}},
    "at the close": {"entry": {**ENTRY, "price": "close"}, "exit": LEVELS},
    "limit": {"entry": {**ENTRY, "price": {"limit": "close - direction", "bars": 5}}, "exit": LEVELS},
    "stop order": {"entry": {**ENTRY, "price": {"stop": "close + direction", "bars": 5}}, "exit": LEVELS},
    "trailing": {"exit": {"trail": "3 * atr(3)", "max_bars": 200}},
    "break-even": {"exit": {**LEVELS, "breakeven": {"at": "1 * stop", "to": "entry"}}},
    "not on the entry bar": {"exit": {**LEVELS, "entry_bar_exits": False}},
    "beyond": {"exit": LEVELS, "compat": {"target_touch": "beyond"}},
    "at the last open": {"exit": {"stop": "9 * atr(3)"}, "compat": {"at_end": "open"}},
}


def expected(bars: list[tuple], trade: dict[str, Any], place: dict[Any, int], close_entries: bool) -> tuple[float, ...]:
    """(mae, mfe, mae_bars, mfe_bars) by looking at the prices the trade surely saw, one after the other."""
    first, last = place[trade["entry_ts"]], place[trade["exit_ts"]]
    entry, leaving, sign = trade["entry_price"], trade["exit_price"], 1 if trade["direction"] == "long" else -1
    at_open = not close_entries and entry == bars[first][0]
    seen = [(entry, first)]
    if last > first and not at_open:
        seen.append((bars[first][3], first))
    to_the_close = trade["exit_reason"] in ("time", "end_of_data") and trade["exit_fill_at"] != "open"
    for n in range(first if at_open else first + 1, last + 1 if to_the_close else last):
        seen += [(price, n) for price in bars[n]]
    if last >= (first if at_open else first + 1):
        seen.append((bars[last][0], last))
    seen.append((leaving, last))
    worst = min(sign * (p - entry) for p, _ in seen)
    best = max(sign * (p - entry) for p, _ in seen)
    when = [min(n for p, n in seen if sign * (p - entry) == extreme) - first for extreme in (worst, best)]
    return -worst, best, *when


@pytest.mark.parametrize("name", CASES)
def test_excursions_and_when(name: str, make_lake: Callable[..., Lake], tmp_path: Path) -> None:
    rows = {"X": walk(1, 1_500), "Y": walk(2, 1_500)}
    sections = {"entry": ENTRY, **CASES[name]}
    run = backtest(strategy(**sections), make_lake(**rows), results=tmp_path)
    names, trades = run.trades.columns, run.trades.fetchall()
    stamps = [r[0] for r in duckdb.sql(f"select ts from '{tmp_path / 'raw' / 'X.parquet'}' order by ts").fetchall()]
    place = {ts: n for n, ts in enumerate(stamps)}
    assert len(trades) > 20 or name in ("long held", "at the last open")
    checked = 0
    for row in trades:
        trade = dict(zip(names, row, strict=True))
        at_end_open = name == "at the last open" and trade["exit_reason"] == "end_of_data"
        trade["exit_fill_at"] = "open" if at_end_open else "close"
        got = (trade["mae"], trade["mfe"], trade["mae_bars"], trade["mfe_bars"])
        assert got == expected(rows[trade["symbol"]], trade, place, name == "at the close"), trade
        checked += 1
    assert checked == len(trades) > 0
