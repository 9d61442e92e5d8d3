"""Every function of TA-Lib beside TA-Lib itself, on real bars: values, warm-up, patterns."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from conftest import ROOT
from duckbt.compiler.library import Library
from indicators.evaluate import graph_of

talib = pytest.importorskip("talib", reason="TA-Lib is not installed")
sys.path.insert(0, str(ROOT / "scripts"))
from talib_cases import CANCELS, CASES, PATTERNS, PHASE  # noqa: E402
from talib_parity import DATASETS, TOLERANCE, Difference, compare  # noqa: E402

BARS = 5000


def test_every_function_of_talib_is_here() -> None:
    assert sorted(case.function for case in (*CASES, *PATTERNS)) == sorted(talib.get_functions())
    assert len(PATTERNS) == 61


def test_a_pattern_is_a_file_of_its_own() -> None:
    assert {case.function.lower() for case in PATTERNS} <= set(Library().names())


@pytest.mark.parametrize("dataset", DATASETS)
def test_prices_as_they_are(dataset: str, shared: Path) -> None:
    """Within 1e-9 where nothing else is documented; where TA-Lib divides zero by zero ours is NULL, nowhere else."""
    for d in compare(shared / "data" / f"{dataset}.parquet", CASES, BARS):
        assert d.warm_up[0] == d.warm_up[1], d
        assert d.largest <= (d.case.loose or TOLERANCE), d
        assert bool(d.case.loose) == bool(d.case.reason)
        assert not d.extra, d
        assert not d.null or d.case.undefined, d


@pytest.mark.parametrize("dataset", DATASETS)
def test_prices_in_whole_ticks(dataset: str, shared: Path) -> None:
    """Sums are exact on both sides: everything agrees, and all flags of the patterns are identical."""
    still = dataset in ("EURUSD_M1", "BTCUSD_M1")  # prices stand still for so long that a phase is not defined
    for d in compare(shared / "data" / f"{dataset}.parquet", (*CASES, *PATTERNS), BARS, DATASETS[dataset][0]):
        assert d.warm_up[0] == d.warm_up[1], d
        assert not d.extra, d
        if d.case in PATTERNS:
            assert (d.largest, d.null) == (0, 0), d
        elif not (still and d.case.reason == PHASE):
            assert d.largest <= (d.case.loose if d.case.reason == CANCELS else TOLERANCE), d


def test_warm_up_is_known_before_any_data_is_read() -> None:
    """As many bars as TA-Lib needs, for other periods than the usual ones too."""
    from talib.abstract import Function

    for name, text, parameters in (
        ("EMA", "ema(close, 7)", {"timeperiod": 7}), ("ADX", "adx(5)", {"timeperiod": 5}),
        ("STOCHRSI", "stochrsi(close, 9, 4, 2, 0)", {"timeperiod": 9, "fastk_period": 4, "fastd_period": 2}),
        ("MACD", "macd(close, 5, 9, 4)", {"fastperiod": 5, "slowperiod": 9, "signalperiod": 4}),
        ("T3", "t3(close, 9, 0.7)", {"timeperiod": 9}), ("ULTOSC", "ultosc(3, 5, 8)",
         {"timeperiod1": 3, "timeperiod2": 5, "timeperiod3": 8}),
    ):  # fmt: skip
        graph, nodes = graph_of({"x": text})
        function = Function(name)
        function.set_parameters(parameters)
        assert {graph[n].first for n in nodes.values()} == {function.lookback}, text


def test_a_difference_is_seen() -> None:
    """The comparison itself can fail: another period, a shifted column, a missing value."""
    import numpy as np

    from talib_parity import difference

    rng = np.random.default_rng(1)
    closes = 100 + rng.normal(size=500).cumsum()
    case = next(c for c in CASES if c.function == "SMA")
    right = talib.SMA(closes, 30)

    def judged(ours: np.ndarray) -> Difference:
        return difference(case, "", ours, right, 29)

    assert judged(right.copy()).beyond == 0
    assert judged(talib.SMA(closes, 31)).beyond > 400
    assert judged(np.roll(right, 1)).beyond > 400
    holed = right.copy()
    holed[100] = np.nan
    assert (judged(holed).null, judged(holed).beyond) == (1, 0)
    early = right.copy()
    early[10] = 1.0
    assert judged(early).extra == 1
    assert judged(right * (1 + 2e-9)).beyond > 0
