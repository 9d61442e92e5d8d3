"""The EMA(12)/EMA(26) system against an independent bar-by-bar oracle, trade for trade, on real data."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from conftest import strategy
from duckbt.lake.ingest import Options, ingest
from duckbt.lake.register import register
from duckbt.lake.store import Lake
from duckbt.results.run import backtest

CASES = {
    "EURUSD_H1": ("EURUSD-BTPY_H1", "1h", None, None),
    "EURUSD_H1_CUTOPEN": ("EURUSD-BTPY_H1", "1h", None, datetime(2017, 8, 11, 3)),
    "EURUSD_H1_CUTSIG": ("EURUSD-BTPY_H1", "1h", None, datetime(2017, 8, 10, 18)),
    "GOOG_D1": ("GOOG_D1", "1d", None, None),
    "ADABTC_M5": ("ADABTC_M5", "5m", None, None),
    "EURUSD_M1_2019": ("EURUSD_M1", "1m", datetime(2019, 1, 1), datetime(2020, 1, 1)),
}


def system(timeframe: str):
    return strategy(
        timeframe=timeframe,
        indicators={"ema12": "ema(close, 12)", "ema26": "ema(close, 26)", "atr14": "atr(14)"},
        entry={"long": "prev(ema12) <= prev(ema26) and ema12 > ema26"},
        exit={"stop": "2 * atr14", "target": "3 * atr14"},
    )


@pytest.mark.parametrize("case", CASES)
def test_trades_equal_the_oracle(case: str, shared: Path, tmp_path: Path) -> None:
    file, timeframe, first, last = CASES[case]
    lake = Lake(tmp_path / "lake")
    source = shared / "data" / f"{file}.parquet"
    if file == "EURUSD_M1":  # 60 repeated bars: through ingest
        ingest([source], lake, Options())
    else:
        register([source], lake)
    run = backtest(system(timeframe), lake, first=first, last=last, results=tmp_path / "results")
    expected = json.loads((shared / "golden" / f"{case}.trades.oracle.json").read_text())
    rows = run.trades.project(
        "signal_ts::varchar, entry_ts::varchar, exit_ts::varchar, exit_reason, gap, entry_price, stop_price, "
        "target_price, exit_price"
    ).fetchall()
    assert run.report_json["signal_count"] == expected["info"]["signals"]
    assert len(rows) == len(expected["trades"])
    for row, trade in zip(rows, expected["trades"], strict=True):
        if trade["reason"] == "open":  # the oracle leaves the last trade open; here it ends with the data
            assert row[3] == "end_of_data"
            continue
        reason = row[3] + ("_gap" if row[4] else "")
        assert (*row[:3], reason) == (trade["signal_ts"], trade["entry_ts"], trade["exit_ts"], trade["reason"])
        prices = (trade["entry_price"], trade["stop"], trade["target"], trade["exit_price"])
        assert row[5:] == pytest.approx(prices, rel=1e-12)


def test_a_signal_on_the_last_bar_is_reported(shared: Path, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    register([shared / "data" / "EURUSD-BTPY_H1.parquet"], lake)
    run = backtest(system("1h"), lake, last=datetime(2017, 8, 10, 18), results=tmp_path / "results")
    last = run.signals.order("ts desc").limit(1).project("ts::varchar, status, trade_id").fetchall()
    assert last == [("2017-08-10 17:00:00", "last_bar", None)]
