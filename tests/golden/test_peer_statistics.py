"""The statistics of backtesting.py, recorded, against ours by their definitions: two account sizes, real data."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from conftest import strategy
from duckbt.lake.register import register
from duckbt.lake.store import Lake
from duckbt.results.run import backtest
from golden.test_oracle_trades import CASES
from golden.test_peer_trades import INDICATORS, LONG, REFUSING

# they round durations up to the data's own step, and begin holding the market after their warm-up
ROUNDED = {"Max. Drawdown Duration", "Avg. Drawdown Duration", "Max. Trade Duration", "Avg. Trade Duration"}
OTHERWISE = {"Start", "End", "Buy & Hold Return [%]", "Alpha [%]"}


@pytest.mark.parametrize("account", ["unit", "allin99"])
@pytest.mark.parametrize("case", ["EURUSD_H1", "GOOG_D1", "ADABTC_M5"])
def test_statistics_equal_backtestingpy(case: str, account: str, shared: Path, tmp_path: Path) -> None:
    recorded = json.loads((shared / "golden" / "equity_stats.backtestingpy.json").read_text())[case][account]
    if account == "unit" and case == "ADABTC_M5":
        pytest.skip("gains of 1e-6 on 10,000: the recorded figures are rounding noise")
    file, timeframe, first, last = CASES[case]
    lake = Lake(tmp_path / "lake")
    register([shared / "data" / f"{file}.parquet"], lake)
    cash = recorded["cash"]
    size = {"mode": "units", "value": 1} if account == "unit" else {"mode": "equity_fraction", "value": 0.99, "lot": 1.0}
    run = backtest(
        strategy(
            timeframe=timeframe, indicators=INDICATORS, entry={"long": LONG}, exit=REFUSING,
            compat={"like": "backtesting.py"}, size=size | {"initial_cash": cash},
        ),
        lake, first=first, last=last, results=tmp_path / "results",
    )  # fmt: skip
    ours = run.metrics_of("backtesting.py")
    for name, value in recorded["stats"].items():
        if name in OTHERWISE:
            continue
        if value is None:
            assert ours[name] is None or not math.isfinite(ours[name]), name
        elif name in ROUNDED:
            step = strategy(timeframe=timeframe, entry={"long": "true"}).strategy.bar.seconds
            assert 0 <= value - ours[name] < max(step, 86400 if timeframe == "1d" else step), name
        else:
            assert ours[name] == pytest.approx(value, rel=1e-9), name
