"""Every metric computed again in plain Python, from the trades and the equity curve alone, by docs/metrics.md."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest

from conftest import strategy
from duckbt.lake.sample import make_sample_lake, sample_strategy
from duckbt.lake.store import Lake
from duckbt.results.run import Run, backtest


def by_hand(trades: list[dict[str, Any]], cash: float, bars: int, signals: int) -> dict[str, float | None]:
    """The trade metrics of one scope."""
    pnl = [t["pnl"] for t in trades]
    won, lost = [p for p in pnl if p > 0], [p for p in pnl if p < 0]
    r = [t["r_multiple"] for t in trades if t["r_multiple"] is not None]
    streaks = [(won_, len(list(g))) for won_, g in groupby(p > 0 for p in pnl)]
    rows = {win: max((n for w, n in streaks if w == win), default=0) for win in (True, False)}
    n, net = len(pnl), math.fsum(pnl)
    mean = net / n if n else math.nan
    spread = math.sqrt(math.fsum((p - mean) ** 2 for p in pnl) / (n - 1)) if n > 1 else 0

    def ratio(a: float | None, b: float | None) -> float | None:
        return a / b if a is not None and b else None

    average_win, average_loss = ratio(math.fsum(won), len(won)), ratio(math.fsum(lost), len(lost))
    return {
        "trades": n,
        "signals": signals,
        "winning_trades": len(won),
        "losing_trades": len(lost),
        "win_rate": ratio(len(won), n),
        "net_pnl": net,
        "gross_pnl": math.fsum(t["gross_pnl"] for t in trades),
        "costs": math.fsum(t["costs"] for t in trades),
        "return_pct": 100 * net / cash,
        "profit_factor": ratio(math.fsum(won), -math.fsum(lost)) if n else None,
        "payoff_ratio": ratio(average_win, -average_loss if average_loss else None),
        "expectancy": ratio(net, n),
        "expectancy_r": ratio(math.fsum(r), len(r)),
        "avg_win": average_win,
        "avg_loss": average_loss,
        "best_trade": max(pnl, default=None),
        "worst_trade": min(pnl, default=None),
        "max_consecutive_wins": rows[True],
        "max_consecutive_losses": rows[False],
        "sqn": ratio(math.sqrt(n) * mean, spread) if n else None,
        "exposure": sum(t["bars_held"] for t in trades) / bars,
        "avg_bars_held": ratio(sum(t["bars_held"] for t in trades), n),
        "end_of_data_trades": sum(t["exit_reason"] == "end_of_data" for t in trades),
        "ambiguous_trades": sum(t["same_bar_ambiguous"] for t in trades),
        "gap_trades": sum(t["gap"] for t in trades),
    }


def account_by_hand(equity: list[dict[str, Any]], cash: float, years: float) -> dict[str, float | None]:
    """The metrics of the account."""
    ends = {e["ts"].date(): e["equity"] for e in equity}  # the last mark of a day
    curve = [cash, *(ends[day] for day in sorted(ends))]
    r = [b / a - 1 for a, b in pairwise(curve)]
    mean = math.fsum(r) / len(r)
    deviation = math.sqrt(math.fsum((x - mean) ** 2 for x in r) / (len(r) - 1))
    downside = math.sqrt(math.fsum(min(x, 0) ** 2 for x in r) / len(r))
    year, peak, drawdown = len(r) / years, cash, 0.0
    for e in equity:
        peak = max(peak, e["equity"])
        drawdown = max(drawdown, 1 - e["equity"] / peak)
    cagr = (equity[-1]["equity"] / cash) ** (1 / years) - 1
    return {
        "final_equity": equity[-1]["equity"],
        "peak_equity": max(e["equity"] for e in equity),
        "years": years,
        "days_a_year": year,
        "cagr": cagr,
        "max_drawdown": drawdown,
        "volatility": math.sqrt(year) * deviation,
        "sharpe": math.sqrt(year) * mean / deviation,
        "sortino": math.sqrt(year) * mean / downside,
        "calmar": cagr / drawdown,
    }


def rows(relation: Any) -> list[dict[str, Any]]:
    return [dict(zip(relation.columns, r, strict=True)) for r in relation.fetchall()]


def check(run: Run, cash: float, bars: dict[str, int]) -> None:
    trades, signals = rows(run.trades), rows(run.signals)
    scopes = {"all": lambda t: True}
    scopes |= {side: lambda t, side=side: t["direction"] == side for side in ("long", "short")}
    scopes |= {symbol: lambda t, s=symbol: t["symbol"] == s for symbol in bars}
    for scope, belongs in scopes.items():
        count = bars.get(scope, sum(bars.values()))
        expected = by_hand([t for t in trades if belongs(t)], cash, count, sum(map(belongs, signals)))
        stored = run.metrics_of(scope)
        for name, value in expected.items():
            assert stored[name] == (None if value is None else pytest.approx(value, rel=1e-9, abs=1e-12)), (scope, name)
        if scope != "all":
            assert stored.keys() == expected.keys()


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("metrics")
    lake = Lake(folder / "lake")
    make_sample_lake(lake)
    return backtest(sample_strategy(), lake, results=folder)


def test_trade_metrics(sample: Run) -> None:
    check(sample, 10_000, {"EURSYN": 85_391, "GBPSYN": 85_334})


def test_account_metrics(sample: Run) -> None:
    equity = rows(sample.equity)
    stored = sample.metrics
    for name, value in account_by_hand(equity, 10_000, stored["years"] or 0).items():
        assert stored[name] == pytest.approx(value, rel=1e-8), name


def test_equity_ends_where_the_trades_do(sample: Run) -> None:
    trades, equity = rows(sample.trades), rows(sample.equity)
    assert equity[-1]["equity"] == pytest.approx(10_000 + math.fsum(t["pnl"] for t in trades), rel=1e-12)
    last = max(trades, key=lambda t: (t["exit_ts"], t["trade_id"]))
    assert last["equity_after"] == pytest.approx(equity[-1]["equity"], rel=1e-12)
    assert equity[-1]["open_positions"] == 0
    highest = 10_000.0
    for mark in equity:
        highest = max(highest, mark["equity"])
        assert mark["drawdown"] == pytest.approx(1 - mark["equity"] / highest, abs=1e-12)


def test_the_longest_drawdown_by_hand(make_lake: Callable[..., Lake], tmp_path: Path) -> None:
    """One unit held from the second day on, bought at 102: the account follows the closes.

    The high of day 2 (100) is passed on day 6 (101): four days. The fall after that lasts three, to the end.
    """
    closes = [100, 102, 101, 99, 100, 103, 101, 102]
    bars = [(c, c, c, c) for c in closes]
    lake = make_lake(minutes=1440, X=bars)
    run = backtest(
        strategy(timeframe="1d", entry={"long": "close = 100"}, size={"initial_cash": 100.0}), lake, results=tmp_path
    )
    assert [t["entry_price"] for t in rows(run.trades)] == [102.0]
    assert [e["equity"] for e in rows(run.equity)] == [100, 100, 99, 97, 98, 101, 99, 100]
    assert run.metrics["max_drawdown"] == pytest.approx(0.03)
    assert run.metrics["max_drawdown_days"] == pytest.approx(4.0)
    assert run.metrics["peak_equity"] == 101


def test_no_losses_no_ratio(make_lake: Callable[..., Lake], tmp_path: Path) -> None:
    lake = make_lake(X=[(10 + i, 11 + i, 9 + i, 10.5 + i) for i in range(20)])
    run = backtest(strategy(entry={"long": "close > open"}, exit={"max_bars": 2}), lake, results=tmp_path)
    assert run.metrics["trades"] > 3
    assert run.metrics["win_rate"] == 1
    assert run.metrics["profit_factor"] is None
    assert run.metrics["payoff_ratio"] is None
    assert run.metrics["avg_loss"] is None
    assert run.metrics["max_drawdown"] == 0
    check(run, 10_000, {"X": 20})
