"""Every metric computed again in plain Python, from the trades and the equity curve alone, by docs/metrics.md."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest

from conftest import strategy
from duckbt.lake.sample import make_sample_lake, sample_strategy
from duckbt.lake.store import Lake
from duckbt.lake.timeframe import Timeframe
from duckbt.results.run import Run, backtest
from duckbt.strategy.load import parse_strategy


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

    def total(name: str) -> float:
        return math.fsum(t[name] for t in trades if t[name] is not None)

    def mean_of(name: str) -> float | None:
        return ratio(total(name), sum(t[name] is not None for t in trades))

    def bars_held(won_: bool) -> float | None:
        held = [t["bars_held"] for t in trades if (t["pnl"] > 0 if won_ else t["pnl"] < 0)]
        return ratio(sum(held), len(held))

    average_win, average_loss = ratio(math.fsum(won), len(won)), ratio(math.fsum(lost), len(lost))
    payoff, win_rate = ratio(average_win, -average_loss if average_loss else None), ratio(len(won), n)
    days = [(t["exit_ts"] - t["entry_ts"]).total_seconds() / 86400 for t in trades]
    return {
        "trades": n,
        "signals": signals,
        "winning_trades": len(won),
        "losing_trades": len(lost),
        "win_rate": win_rate,
        "net_pnl": net,
        "gross_pnl": math.fsum(t["gross_pnl"] for t in trades),
        "costs": math.fsum(t["costs"] for t in trades),
        "return_pct": 100 * net / cash,
        "profit_factor": ratio(math.fsum(won), -math.fsum(lost)) if n else None,
        "payoff_ratio": payoff,
        "kelly": None if win_rate is None or not payoff else win_rate - (1 - win_rate) / payoff,
        "expectancy": ratio(net, n),
        "expectancy_r": ratio(math.fsum(r), len(r)),
        "expectancy_pct": mean_of("return_pct"),
        "best_trade_pct": max((t["return_pct"] for t in trades), default=None),
        "worst_trade_pct": min((t["return_pct"] for t in trades), default=None),
        "avg_mae_r": mean_of("mae_r"),
        "avg_mfe_r": mean_of("mfe_r"),
        "avg_trade_days": ratio(math.fsum(days), n),
        "max_trade_days": max(days, default=None),
        "avg_win_bars": bars_held(True),
        "avg_loss_bars": bars_held(False),
        "spread_costs": total("spread_cost"),
        "slippage_costs": total("slippage_cost"),
        "commissions": total("commission"),
        "financing": total("financing"),
        "ambiguous_pnl": math.fsum(abs(t["pnl_if_other_first"]) for t in trades if t["pnl_if_other_first"] is not None),
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


def quantile(values: list[float], share: float) -> float:
    """Between two of the sorted values: on the straight line."""
    ordered, place = sorted(values), share * (len(values) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def falls_of(equity: list[dict[str, Any]], cash: float) -> list[tuple[float, float]]:
    """(depth, days) of every drawdown: from the last mark at the highest so far to the first that is back at it."""
    falls: list[tuple[float, float]] = []
    peak, begin, depth = cash, equity[0]["ts"], 0.0
    for mark in [*equity, {"ts": equity[-1]["ts"], "equity": math.inf}]:
        if mark["equity"] >= peak:
            if depth:
                falls.append((depth, (mark["ts"] - begin).total_seconds() / 86400))
            peak, begin, depth = mark["equity"], mark["ts"], 0.0
        depth = max(depth, 1 - mark["equity"] / peak if peak < math.inf else 0.0)
    return falls


def account_by_hand(
    equity: list[dict[str, Any]], cash: float, years: float, closes: dict[str, dict[date, float]], held: list[float]
) -> dict[str, float | None]:
    """The metrics of the account. ``closes``: every symbol's last close of every day; ``held``: what holding it returned."""
    ends = {e["ts"].date(): e["equity"] for e in equity}  # the last mark of a day
    curve = [cash, *(ends[day] for day in sorted(ends))]
    r = [b / a - 1 for a, b in pairwise(curve)]
    mean = math.fsum(r) / len(r)
    deviation = math.sqrt(math.fsum((x - mean) ** 2 for x in r) / (len(r) - 1))
    downside = math.sqrt(math.fsum(min(x, 0) ** 2 for x in r) / len(r))
    second, third, fourth = (math.fsum((x - mean) ** k for x in r) / len(r) for k in (2, 3, 4))
    year = len(r) / years
    falls = falls_of(equity, cash)
    drawdown = max(depth for depth, _ in falls)
    cagr = (equity[-1]["equity"] / cash) ** (1 / years) - 1
    moves: dict[date, list[float]] = {}
    for days in closes.values():
        for before, day in pairwise(sorted(days)):
            moves.setdefault(day, []).append(days[day] / days[before] - 1)
    both = [(x, math.fsum(moves[day]) / len(moves[day])) for day, x in zip(sorted(ends), r, strict=True) if day in moves]
    market = math.fsum(m for _, m in both) / len(both)
    beta = math.fsum((x - mean) * (m - market) for x, m in both) / math.fsum((m - market) ** 2 for _, m in both)
    bad, good = quantile(r, 0.05), quantile(r, 0.95)
    worst = [x for x in r if x <= bad]
    return {
        "final_equity": equity[-1]["equity"],
        "peak_equity": max(e["equity"] for e in equity),
        "lowest_equity": min(e["equity"] for e in equity),
        "max_gross_exposure": max(e["exposed"] / e["equity"] for e in equity),
        "buy_and_hold_pct": 100 * math.fsum(held) / len(held),
        "years": years,
        "days": len(r),
        "days_a_year": year,
        "cagr": cagr,
        "annual_return": math.prod(1 + x for x in r) ** (year / len(r)) - 1,
        "max_drawdown": drawdown,
        "max_drawdown_days": max(days for _, days in falls),
        "avg_drawdown": math.fsum(depth for depth, _ in falls) / len(falls),
        "avg_drawdown_days": math.fsum(days for _, days in falls) / len(falls),
        "drawdowns": len(falls),
        "volatility": math.sqrt(year) * deviation,
        "sharpe": math.sqrt(year) * mean / deviation,
        "sortino": math.sqrt(year) * mean / downside,
        "calmar": cagr / drawdown,
        "omega": math.fsum(max(x, 0) for x in r) / math.fsum(max(-x, 0) for x in r),
        "beta": beta,
        "alpha": (mean - beta * market) * year,
        "skew": third / second**1.5,
        "excess_kurtosis": fourth / second**2 - 3,
        "value_at_risk": -bad,
        "conditional_value_at_risk": -math.fsum(worst) / len(worst),
        "tail_ratio": abs(good) / abs(bad),
        "best_day": max(r),
        "worst_day": min(r),
        "winning_days": sum(x > 0 for x in r) / len(r),
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


COSTS = """
[costs]
spread = 0.0001
slippage = { bps = 0.5 }
commission = { per_trade = 0.25, per_unit = 0.00001, rate = 0.00002 }
financing = { long = 0.05, short = -0.01, rollover = "12:00" }
"""


@pytest.fixture(scope="module", params=["", COSTS], ids=["free", "with costs"])
def sample(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Lake]:
    folder = tmp_path_factory.mktemp("metrics")
    lake = Lake(folder / "lake")
    make_sample_lake(lake)
    path = sample_strategy()
    file = parse_strategy(path.read_text(encoding="utf-8") + request.param, path)
    return backtest(file, lake, results=folder), lake


def test_trade_metrics(sample: tuple[Run, Lake]) -> None:
    check(sample[0], 10_000, {"EURSYN": 85_391, "GBPSYN": 85_334})


def closes_of(lake: Lake, symbol: str) -> list[tuple[date, float]]:
    """(day, close) of every bar, in order."""
    dataset = lake.find(symbol, Timeframe("1m"))
    assert dataset
    with duckdb.connect() as connection:
        files = [str(dataset.path(file)) for file in dataset.manifest.files]
        return connection.execute("select ts::date, close from read_parquet($1) order by ts", [files]).fetchall()


def test_account_metrics(sample: tuple[Run, Lake]) -> None:
    run, lake = sample
    stored = run.metrics
    bars = {symbol: closes_of(lake, symbol) for symbol in ("EURSYN", "GBPSYN")}
    held = [closes[-1][1] / closes[0][1] - 1 for closes in bars.values()]
    expected = account_by_hand(rows(run.equity), 10_000, stored["years"] or 0, {s: dict(c) for s, c in bars.items()}, held)
    for name, value in expected.items():
        assert stored[name] == pytest.approx(value, rel=1e-8, abs=1e-12), name
    assert stored.keys() - run.metrics_of("long").keys() == expected.keys()


def test_equity_ends_where_the_trades_do(sample: tuple[Run, Lake]) -> None:
    trades, equity = rows(sample[0].trades), rows(sample[0].equity)
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
