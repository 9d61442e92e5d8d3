"""An indicator's name never mixes with the names of duckbt's own columns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from conftest import strategy
from duckbt.errors import StrategyError
from duckbt.lake.store import Lake
from duckbt.results.run import Run, backtest, prepare

ROWS = [(100 + i % 7, 104 + i % 7, 98 + i % 7, 101 + i % 5) for i in range(60)]
KEYWORDS = ["select", "order", "group", "case", "table", "from", "where", "end", "null", "true", "over", "lag", "n", "c1"]


def sections(name: str) -> dict[str, dict[str, str]]:
    return {
        "indicators": {name: "sma(close, 3)", "spread": "atr(3)"},
        "entry": {"long": f'close > "{name}"', "short": f'close < "{name}"'},
        "exit": {"stop": "2 * spread", "target_price": f'"{name}" + direction * 3', "max_bars": 2},
    }


def outcome(run: Run, name: str) -> tuple[list[tuple], list[tuple]]:
    return run.signals.project(f'symbol, ts, direction, status, trade_id, "{name}"').fetchall(), run.trades.fetchall()


def test_names_of_internal_columns_are_refused_or_harmless(make_lake: Callable[..., Lake], tmp_path: Path) -> None:
    lake = make_lake(X=ROWS)
    plain = outcome(backtest(strategy(**sections("neutral")), lake, results=tmp_path), "neutral")
    assert len(plain[1]) > 5
    with duckdb.connect() as connection:
        for _, statement in prepare(strategy(**sections("neutral")), lake).plan.statements():
            connection.execute(statement).fetchall()
        internal = connection.execute(
            "select distinct column_name from duckdb_columns() where not internal "
            "and table_name in ('scan', 'candidates', 'signals') order by all"
        ).fetchall()
    names = [r[0] for r in internal if r[0] not in ("neutral", "spread")] + KEYWORDS
    assert len(names) > 30
    refused = []
    for name in names:
        try:
            run = backtest(strategy(**sections(name)), lake, results=tmp_path)
        except StrategyError:
            refused.append(name)
        else:
            assert outcome(run, name) == plain, name
    assert not set(KEYWORDS) & set(refused)


@pytest.mark.parametrize("name", ["status", "Entry_Price", "trade_id", "flag_0", "value_12", "close", "Symbol", "stop"])
def test_a_taken_name_is_refused(name: str, make_lake: Callable[..., Lake]) -> None:
    with pytest.raises(StrategyError, match=f"indicators.{name}: the name '{name}' is taken"):
        prepare(strategy(indicators={name: "sma(close, 3)"}, entry={"long": "close > 1"}), make_lake(X=ROWS))
