"""An indicator's name never mixes with the names of duckbt's own columns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import strategy
from duckbt.errors import StrategyError
from duckbt.lake.store import Lake
from duckbt.results.run import Run, backtest, prepare, scan_bars

ROWS = [(100 + i % 7, 104 + i % 7, 98 + i % 7, 101 + i % 5) for i in range(120)]
INTERNAL = [
    "cand", "conflict", "entry_bar", "entry_price", "signal_ts", "refused", "flag_0", "value_0", "exit_price",
    "stop_price", "state", "size", "trail", "Last_Bar", "n", "c1", "ind_cand", "known_bar",
]  # fmt: skip
KEYWORDS = ["select", "order", "group", "case", "table", "null", "over", "lag"]


def sections(name: str) -> dict[str, dict]:
    return {
        "indicators": {name: "sma(close, 3)", "spread": "atr(3)"},
        "entry": {"long": f'close > "{name}"', "price": {"limit": f'"{name}"', "bars": 3}},
        "exit": {"stop": "2 * spread", "target_price": f'"{name}" + direction * 3', "max_bars": 4},
        "size": {"mode": "risk", "value": f'0.0001 * "{name}"'},
    }


def outcome(run: Run, name: str) -> tuple[list[tuple], list[tuple]]:
    return run.signals.project(f'symbol, ts, direction, status, trade_id, "{name}"').fetchall(), run.trades.fetchall()


def test_any_other_name_changes_nothing(make_lake: Callable[..., Lake], tmp_path: Path) -> None:
    lake = make_lake(X=ROWS)
    plain = outcome(backtest(strategy(**sections("neutral")), lake, results=tmp_path), "neutral")
    assert len(plain[1]) > 10
    for name in [*INTERNAL, *KEYWORDS]:
        run = backtest(strategy(**sections(name)), lake, results=tmp_path)
        assert outcome(run, name) == plain, name
        assert name in run.signals.columns


def test_a_scan_shows_them_as_declared(make_lake: Callable[..., Lake], tmp_path: Path) -> None:
    import duckdb

    lake = make_lake(X=ROWS)
    for name in ("neutral", "cand", "order", "Mean"):
        scan_bars(
            prepare(strategy(indicators={name: "sma(close, 3)"}, entry={"long": "close > 1"}), lake), tmp_path / "s.parquet"
        )
        stored = duckdb.sql(f"from '{tmp_path / 's.parquet'}'")
        assert stored.columns[7:] == [name, "long_signal", "short_signal"]
        assert stored.aggregate(f'count("{name}")').fetchall() == [(len(ROWS) - 2,)]


@pytest.mark.parametrize(
    "name", ["status", "Reason", "trade_id", "run_id", "combo_id", "close", "Symbol", "stop", "direction"]
)
def test_a_name_that_stands_beside_it_is_refused(name: str, make_lake: Callable[..., Lake]) -> None:
    with pytest.raises(StrategyError, match=f"indicators.{name}: the name '{name}' is taken"):
        prepare(strategy(indicators={name: "sma(close, 3)"}, entry={"long": "close > 1"}), make_lake(X=ROWS))


@pytest.mark.parametrize("pair", [
    {"m": "macd(close)", "m_signal": "sma(close, 3)"}, {"M_Signal": "sma(close, 3)", "m": "macd(close)"},
])  # fmt: skip
def test_two_columns_of_one_name_are_refused(pair: dict[str, str], make_lake: Callable[..., Lake]) -> None:
    with pytest.raises(StrategyError, match="is there already"):
        prepare(strategy(indicators=pair, entry={"long": "close > 1"}), make_lake(X=ROWS))
