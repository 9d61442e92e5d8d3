"""Costs on hand-made bars, arithmetic beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import strategy
from duckbt.errors import StrategyError
from duckbt.results.run import backtest

# entry of a long at the open 100 of bar 1, target 104 inside bar 2; a short at the open 104 of bar 4, stop 107 in bar 5
BARS = [
    (100, 100, 100, 100, 1), (100, 102, 99, 101, 0), (101, 105, 100, 104, 0), (104, 104, 104, 104, 2),
    (104, 105, 103, 104, 0), (104, 108, 104, 106, 0), (106, 106, 106, 106, 0),
]  # fmt: skip
SECTIONS = {
    "entry": {"long": "volume = 1", "short": "volume = 2"},
    "exit": {"stop": 3, "target": 4},
    "size": {"mode": "units", "value": 10},
}


def run(make_lake, tmp_path: Path, minutes: int = 1, **costs: object):
    lake = make_lake(minutes=minutes, X=BARS)
    sections = SECTIONS | {"costs": costs, "timeframe": f"{minutes}m"}
    made = backtest(strategy(**sections), lake, results=tmp_path / "results")
    names = "gross_pnl, spread_cost, slippage_cost, commission, financing, costs, pnl, entry_fill, exit_fill"
    return made, [dict(zip(names.split(", "), r, strict=True)) for r in made.trades.project(names).fetchall()]


def test_without_costs_nothing_changes_by_a_bit(make_lake, tmp_path: Path) -> None:
    plain, trades = run(make_lake, tmp_path)
    zero, again = run(make_lake, tmp_path / "zero", spread=0.0, slippage=0, commission={"rate": 0.0})
    assert [t["pnl"] for t in trades] == [40.0, -30.0]
    assert trades == again
    columns = [c for c in plain.trades.columns]
    assert plain.trades.fetchall() == zero.trades.fetchall()
    assert "spread_cost" in columns


def test_half_the_spread_on_each_fill_of_mid_quotes(make_lake, tmp_path: Path) -> None:
    _, (long, short) = run(make_lake, tmp_path, spread=0.5)
    assert (long["spread_cost"], long["entry_fill"], long["exit_fill"]) == (5.0, 100.25, 103.75)
    assert (short["spread_cost"], short["entry_fill"], short["exit_fill"]) == (5.0, 103.75, 107.25)
    assert long["pnl"] == 35.0


def test_the_whole_spread_when_buying_at_bid_quotes(make_lake, tmp_path: Path) -> None:
    _, (long, short) = run(make_lake, tmp_path, spread=0.5, quote="bid")
    assert (long["entry_fill"], long["exit_fill"]) == (100.5, 104.0)
    assert (short["entry_fill"], short["exit_fill"]) == (104.0, 107.5)


def test_spread_in_basis_points_and_from_the_bar(make_lake, tmp_path: Path) -> None:
    _, (long, _) = run(make_lake, tmp_path, spread={"bps": 10})
    assert long["spread_cost"] == pytest.approx(10 * (0.1 + 0.104) / 2, rel=1e-12)
    _, (long, _) = run(make_lake, tmp_path / "b", spread="(high - low) / 10")  # 3/10 at the entry bar, 5/10 at the exit bar
    assert long["spread_cost"] == pytest.approx(10 * (0.3 + 0.5) / 2, rel=1e-12)


def test_slippage_spares_limit_and_target_fills(make_lake, tmp_path: Path) -> None:
    _, (long, short) = run(make_lake, tmp_path, slippage=0.25)
    assert (long["slippage_cost"], long["entry_fill"], long["exit_fill"]) == (2.5, 100.25, 104.0)
    assert (short["slippage_cost"], short["exit_fill"]) == (5.0, 107.25)


def test_commission_per_trade_per_unit_and_rate(make_lake, tmp_path: Path) -> None:
    _, (long, _) = run(make_lake, tmp_path, commission={"per_trade": 2, "per_unit": 0.125, "rate": 0.01})
    assert long["commission"] == pytest.approx(2 + 10 * 0.125 * 2 + 10 * 0.01 * (100 + 104), rel=1e-12)


def test_financing_counts_rollovers_passed(make_lake, tmp_path: Path) -> None:
    # four-hour bars from midnight: the long is held from 04:00 to the bar of 08:00, the short from 16:00 to 20:00
    _, (long, short) = run(make_lake, tmp_path, 240, financing={"long": 0.365, "short": 0.73, "rollover": "18:00"})
    assert long["financing"] == 0
    assert short["financing"] == pytest.approx(0.73 / 365 * 104 * 10, rel=1e-12)


def test_a_spread_may_not_look_at_other_bars(make_lake, tmp_path: Path) -> None:
    with pytest.raises(StrategyError, match="fill's own bar"):
        run(make_lake, tmp_path, spread="prev(high) - low")


def test_parts_pay_their_share(make_lake, tmp_path: Path) -> None:
    lake = make_lake(X=BARS)
    sections = SECTIONS | {
        "exit": {"stop": 3, "target": 4, "scale_out": [{"at": 2, "fraction": 0.25}]},
        "costs": {"spread": 0.5, "slippage": 0.25},
    }
    made = backtest(strategy(**sections), lake, results=tmp_path / "results")
    legs = made.table("legs").project("leg, exit_price, exit_reason, quantity, gross_pnl, costs").fetchall()
    # bar 1 reaches 102, the part's level; the rest ends at the target
    assert legs[:2] == [(1, 102.0, "scale_out", 2.5, 5.0, 1.875), (2, 104.0, "target", 7.5, 30.0, 5.625)]
    trade = made.trades.project("gross_pnl, costs, pnl, legs, exit_reason").fetchall()[0]
    assert trade == (35.0, 7.5, 27.5, 2, "target")
    assert made.metrics["net_pnl"] == pytest.approx(sum(r[0] for r in made.trades.project("pnl").fetchall()))
