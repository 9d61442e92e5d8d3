"""Indicator values and warm-up against TA-Lib's recorded columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from conftest import strategy
from duckbt.lake.register import register
from duckbt.lake.store import Lake
from duckbt.results.run import prepare, scan_bars

INDICATORS = {
    "ema_12": "ema(close, 12)", "ema_26": "ema(close, 26)", "ema_200": "ema(close, 200)", "sma_20": "sma(close, 20)",
    "rsi_14": "rsi(close, 14)", "atr_14": "atr(14)", "macd": "macd(close, 12, 26, 9)", "bb": "bbands(close, 20, 2, 2)",
    "donchian": "donchian(20)",
}  # fmt: skip
COLUMNS = {
    "ema_12": "ema_12", "ema_26": "ema_26", "ema_200": "ema_200", "sma_20": "sma_20", "rsi_14": "rsi_14",
    "atr_14": "atr_14", "macd_macd": "macd_12_26_9", "macd_signal": "macd_signal_12_26_9",
    "macd_histogram": "macd_hist_12_26_9", "bb_upper": "bb_upper_20_2", "bb_middle": "bb_middle_20_2",
    "bb_lower": "bb_lower_20_2", "donchian_upper": "donchian_high_20", "donchian_lower": "donchian_low_20",
}  # fmt: skip
# values that pass through zero are compared on the scale of their own size
SCALED = {"macd_macd", "macd_signal", "macd_histogram"}


@pytest.mark.parametrize(("dataset", "file", "timeframe"), [
    ("EURUSD_H1", "EURUSD-BTPY_H1", "1h"), ("GOOG_D1", "GOOG_D1", "1d"), ("ADABTC_M5", "ADABTC_M5", "5m"),
])  # fmt: skip
def test_values_and_warm_up_equal_talib(dataset: str, file: str, timeframe: str, shared: Path, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    register([shared / "data" / f"{file}.parquet"], lake)
    text = strategy(timeframe=timeframe, indicators=INDICATORS, entry={"long": "false"})
    scan_bars(prepare(text, lake), tmp_path / "scan.parquet")
    ours, theirs = (
        pq.read_table(tmp_path / "scan.parquet"),
        pq.read_table(shared / "golden" / f"{dataset}.indicators.parquet"),
    )
    for mine, peer in COLUMNS.items():
        a = ours[mine].to_numpy(zero_copy_only=False).astype(float)
        b = theirs[peer].to_numpy(zero_copy_only=False).astype(float)
        assert np.array_equal(np.isnan(a), np.isnan(b)), mine
        scale = np.nanmax(np.abs(b)) if mine in SCALED else np.abs(b)
        assert np.nanmax(np.abs(a - b) / scale) <= 1e-9, mine
