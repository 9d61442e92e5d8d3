"""Sizes, limits and the ledger, against a naive account that recomputes everything from all earlier trades."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import pytest

from conftest import strategy
from duckbt.errors import DataError
from duckbt.results.run import Run, backtest

ENTRY = {"long": "volume % 2 = 1", "short": "floor(volume / 2) % 2 = 1"}
EXIT = {"stop": 3, "target": 4}


def bars(seed: int, n: int = 300) -> list[tuple[int, int, int, int, int]]:
    rng = random.Random(seed)
    price, rows = 100, []
    for _ in range(n):
        o = price + rng.randint(-1, 1)
        c = o + rng.randint(-2, 2)
        rows.append((o, max(o, c) + rng.randint(0, 1), min(o, c) - rng.randint(0, 1), c, rng.choice([0, 0, 1, 2])))
        price = min(max(c, 80), 120)
    return rows


def trades_of(run: Run) -> list[dict[str, Any]]:
    relation = run.trades
    return [dict(zip(relation.columns, r, strict=True)) for r in relation.fetchall()]


@pytest.mark.parametrize(("size", "units"), [
    ({"mode": "units", "value": 2.5}, lambda t: 2.5),
    ({"mode": "units", "value": "volume + 1"}, lambda t: 2.0 if t["direction"] == "long" else 3.0),
    ({"mode": "notional", "value": 5000}, lambda t: 5000 / t["entry_price"]),
    ({"mode": "notional", "value": 5000, "lot": 10}, lambda t: math.floor(5000 / t["entry_price"] / 10) * 10),
    ({"mode": "equity_fraction", "value": 0.5, "compounding": False}, lambda t: 5000 / t["entry_price"]),
    ({"mode": "risk", "value": 0.01, "compounding": False}, lambda t: 100 / 3),
])  # fmt: skip
def test_sizes_that_depend_on_nothing_else(size, units, make_lake, tmp_path: Path) -> None:
    run = backtest(strategy(entry=ENTRY, exit=EXIT, size=size), make_lake(X=bars(1)), results=tmp_path / "r")
    found = trades_of(run)
    assert len(found) > 20
    for trade in found:
        assert trade["quantity"] == pytest.approx(units(trade), rel=1e-12)
    assert not (run.path / "ledger.parquet").exists()


@pytest.mark.parametrize("size", [
    {"mode": "notional", "value": 50, "lot": 1}, {"mode": "units", "value": 0}, {"mode": "units", "value": -5},
    {"mode": "risk", "value": -0.01},
])  # fmt: skip
def test_a_size_of_nothing_is_rejected(size, make_lake, tmp_path: Path) -> None:
    file = strategy(entry=ENTRY, exit=EXIT, size=size)
    run = backtest(file, make_lake(X=bars(1)), results=tmp_path / "r")
    assert run.metrics["trades"] == 0
    statuses = {r[0] for r in run.signals.project("status").fetchall()}
    assert "rejected_size" in statuses
    assert statuses <= {"rejected_size", "last_bar", "conflict"}


def naive_account(run: Run, candidates: list[dict[str, Any]], size: dict[str, Any]) -> list[tuple[str, float]]:
    """(status, units) of every possible trade, in order of entry: equity summed anew from all that ended before."""
    taken: list[dict[str, Any]] = []
    decided = []
    for c in candidates:
        now = (c["entry_ts"], 0)
        ended = [t for t in taken if (t["exit_ts"], t["moment"]) <= now]
        held = [t for t in taken if (t["exit_ts"], t["moment"]) > now]
        equity = 10_000 + math.fsum(t["unit_pnl"] * t["units"] for t in ended)
        base = equity if size.get("compounding", True) else 10_000
        if any(t["symbol"] == c["symbol"] for t in held):
            decided.append(("in_position", 0.0))
            continue
        if "max_positions" in size and len(held) >= size["max_positions"]:
            decided.append(("rejected_positions", 0.0))
            continue
        units = {"units": size["value"], "equity_fraction": size["value"] * base / c["entry_price"],
                 "risk": size["value"] * base / 3}[size["mode"]]  # fmt: skip
        exposed = sum(t["units"] * t["entry_price"] for t in held)
        if "leverage" in size and exposed + units * c["entry_price"] > size["leverage"] * equity:
            decided.append(("rejected_cash", 0.0))
            continue
        decided.append(("taken", units))
        taken.append(c | {"units": units})
    return decided


@pytest.mark.parametrize("size", [
    {"mode": "equity_fraction", "value": 0.5},
    {"mode": "risk", "value": 0.02},
    {"mode": "units", "value": 10, "max_positions": 2},
    {"mode": "equity_fraction", "value": 0.4, "leverage": 1},
    {"mode": "risk", "value": 0.01, "leverage": 2, "max_positions": 3},
])  # fmt: skip
def test_the_ledger_agrees_with_a_naive_account(size, make_lake, tmp_path: Path) -> None:
    lake = make_lake(**{f"S{i}": bars(i + 10) for i in range(5)})
    run = backtest(strategy(entry=ENTRY, exit=EXIT, size=size), lake, results=tmp_path / "r")
    # all possible trades, one unit each, nothing in anyone's way
    free = backtest(strategy(entry=ENTRY | {"overlap": "stack"}, exit=EXIT), lake, results=tmp_path / "free")
    candidates = trades_of(free)
    for c in candidates:
        c["unit_pnl"] = c["pnl"]
        c["moment"] = 0 if c["gap"] else 2
    candidates.sort(key=lambda c: (c["entry_ts"], c["symbol"]))
    expected = naive_account(run, candidates, size)
    got = {(r[0], r[1]): (r[2], r[3]) for r in run.signals.project("symbol, ts, status, trade_id").fetchall()}
    quantity = {t["trade_id"]: t["quantity"] for t in trades_of(run)}
    assert {s for s, _ in expected} >= {"taken", "in_position"}
    if len(size) > 2:
        assert len({s for s, _ in expected}) > 2
    for candidate, (status, units) in zip(candidates, expected, strict=True):
        mine, trade_id = got[candidate["symbol"], candidate["signal_ts"]]
        assert mine == status
        if status == "taken":
            assert quantity[trade_id] == pytest.approx(units, rel=1e-12)


def test_priority_decides_between_simultaneous_signals(make_lake, tmp_path: Path) -> None:
    rows = {s: [(100, 100, 100, 100, 1), (100, 101, 99, 100 + i, 0), (100, 105, 95, 100, 0)] for i, s in enumerate("ABC")}
    rows["B"][0] = (100, 100, 100, 100, 3)
    lake = make_lake(**rows)
    size = {"mode": "units", "value": 1, "max_positions": 1}
    plain = backtest(strategy(entry={"long": "volume > 0"}, exit={"max_bars": 2}, size=size), lake, results=tmp_path / "a")
    assert [t["symbol"] for t in trades_of(plain)] == ["A"]
    entry = {"long": "volume > 0", "priority": "volume"}
    ranked = backtest(strategy(entry=entry, exit={"max_bars": 2}, size=size), lake, results=tmp_path / "b")
    assert [t["symbol"] for t in trades_of(ranked)] == ["B"]


def test_profits_are_converted_at_the_rate_known_at_the_fill(make_lake, tmp_path: Path) -> None:
    lake = make_lake(EURUSD=bars(3, 60), USDJPY=bars(4, 60))
    file = strategy(entry=ENTRY, exit=EXIT, size={"mode": "units", "value": 1, "currency": "USD"})
    run = backtest(file, lake, results=tmp_path / "r")
    assert all(t["gross_pnl"] == t["pnl"] for t in trades_of(run))
    pair = {i: c for i, (_, _, _, c, _) in enumerate(bars(4, 60))}
    checked = 0
    for trade in trades_of(run):
        points = (trade["exit_price"] - trade["entry_price"]) * (1 if trade["direction"] == "long" else -1)
        if trade["symbol"] == "EURUSD":
            assert trade["pnl"] == points
        else:
            minute = trade["exit_ts"].hour * 60 + trade["exit_ts"].minute
            assert trade["pnl"] == pytest.approx(points / pair[minute - 1], rel=1e-12)
            checked += 1
    assert checked > 3


def test_an_account_currency_without_a_pair_is_refused(make_lake, tmp_path: Path) -> None:
    lake = make_lake(EURGBP=bars(3, 60))
    file = strategy(entry=ENTRY, exit=EXIT, size={"mode": "units", "value": 1, "currency": "USD"})
    with pytest.raises(DataError, match="neither GBPUSD nor USDGBP"):
        backtest(file, lake, results=tmp_path / "r")
