"""Any set of a sweep gives exactly the figures and trades of a run of its own, whichever way the sweep took."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conftest import strategy, walk
from duckbt.engine.arrays import able, figures
from duckbt.errors import DuckbtError
from duckbt.experiments import task as task_module
from duckbt.experiments.api import sweep
from duckbt.lake.store import Lake
from duckbt.results.run import backtest

GRID = {"n": [2, 3, 5], "k": [0.5, 1.0, 2.5], "m": [1.0, 3.0], "hold": [1, 4, 30]}
PARAMS = {"n": 3, "k": 1.0, "m": 2.0, "hold": 5}
BASE: dict[str, Any] = {
    "params": PARAMS,
    "indicators": {"mean": "sma(close, $n)", "range": "atr(3)"},
    "entry": {"long": "crossed_above(close, mean)", "short": "crossed_below(close, mean)"},
    "exit": {"stop": "$k * range", "target": "$m * range", "max_bars": "$hold"},
}


VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "plain": {},
    "no stop": {"exit": {"target": "$m * range", "max_bars": "$hold"}},
    "only signals": {"exit": {"long": "close < mean", "short": "close > mean + 0 * $k * $m * $hold"}},
    "reverse": {"exit": {"stop": "$k * range + 4", "target": "$m * range + 0 * $hold", "reverse": True}},
    "session": {
        "exit": {"stop": "$k * range", "target": "$m * range", "max_bars": "$hold", "flat_when": "minute(ts) % 30 = 29"}
    },
    "at the close": {"entry": {**BASE["entry"], "price": "close"}},
    "stop always first": {"exit": {**BASE["exit"], "same_bar": "stop_first_always"}},
    "target first": {"exit": {**BASE["exit"], "same_bar": "target_first"}},
    "no exit on the entry bar": {"exit": {**BASE["exit"], "entry_bar_exits": False}},
    "no re-entry": {"compat": {"reentry_on_exit_bar": False, "gap_fill": "level", "at_end": "open"}},
    "prices": {
        "exit": {"stop_price": "close - direction * $k * range", "target_price": "close + direction * $m * (1 + 0 * $hold)"}
    },
    "costs": {
        "costs": {
            "spread": 0.25,
            "slippage": {"bps": 3.0},
            "commission": {"per_unit": 0.01, "per_trade": 0.5, "rate": 0.0001},
        }
    },
    "costs on bids": {"costs": {"spread": {"bps": 20.0}, "slippage": 0.125, "quote": "bid"}, "size": {"value": 7.0}},
    "one side": {"entry": {"long": BASE["entry"]["long"]}},
    "both at once": {"entry": {"long": "close > mean", "short": "volume > 0 and close >= mean"}},
    "never": {"entry": {"long": "close > 1000 * $n"}},
}
SLOW: dict[str, dict[str, dict[str, Any]]] = {
    "trailing": {"exit": {"trail": "$k * range", "target": "$m * range", "max_bars": "$hold"}},
    "parts": {"exit": {**BASE["exit"], "scale_out": [{"at": "0.5 * stop", "fraction": 0.5}]}},
    "risk": {"size": {"mode": "risk", "value": 0.01, "compounding": False}},
    "account": {"size": {"mode": "equity_fraction", "value": 0.5}},
    "limit orders": {"entry": {**BASE["entry"], "price": {"limit": "close - direction * $k", "bars": 3}}},
    "following a price": {"exit": {"trail_price": {"long": "mean - $k"}, "max_bars": "$hold", "target": "$m * range"}},
    "spread in the grid": {"costs": {"spread": "$k / 100 * range_of_bar"}, "indicators": {**BASE["indicators"]}},
}
SLOW["spread in the grid"]["costs"] = {"spread": "$k / 10"}


def compare(lake: Lake, file: Any, results: Path, symbols: tuple[str, ...], keep: str = "none") -> int:
    """Number of sets compared."""
    made = sweep(file, lake, GRID, results=results, symbols=symbols, keep_trades=keep)
    rows = made.combos.fetchall()
    columns = made.combos.columns
    source = random.Random(len(columns))
    for row in source.sample(rows, 12):
        named = dict(zip(columns, row, strict=True))
        assert named["status"] == "done", named["error"]
        alone = backtest(file, lake, symbols, {n: named[n] for n in GRID}, results=results)
        expected = alone.metrics
        got = {k: v for k, v in named.items() if k in expected}
        assert len(got) > 60
        assert got == {k: expected[k] for k in got}
        assert set(expected) - set(got) == {"avg_mae_r", "avg_mfe_r"}
        if keep == "all":
            its = made.trades.filter(f"combo_id = {named['combo_id']}")
            assert its.project("* exclude (combo_id)").fetchall() == alone.trades.fetchall()
    return len(rows)


@pytest.mark.parametrize("name", VARIANTS)
def test_by_arrays(name: str, make_lake: Callable[..., Lake], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    real = task_module.unit_costs
    monkeypatch.setattr(task_module, "unit_costs", lambda c: taken.append(real(c)) or taken[-1])
    lake = make_lake(X=walk(len(name)))
    assert compare(lake, strategy(**{**BASE, **VARIANTS[name]}), tmp_path, ("X",)) == 54
    assert taken
    assert None not in taken
    assert able.unit_costs is real


def test_stages_where_arrays_do_not_fit(
    make_lake: Callable[..., Lake], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, file = make_lake(X=walk(5)), strategy(**BASE)
    monkeypatch.setattr(figures, "SUMMED", 7)  # and it does not matter how many sets are summed up at a time
    by_arrays = sweep(file, lake, GRID, results=tmp_path / "a")
    monkeypatch.setattr(task_module, "ARRAY_BYTES_A_BAR", 1e12)
    monkeypatch.setattr(task_module, "figures", None)  # nobody may call it
    by_stages = sweep(file, lake, GRID, results=tmp_path / "s")
    assert (by_stages.path / "combos.parquet").read_bytes() == (by_arrays.path / "combos.parquet").read_bytes()


@pytest.mark.parametrize("keep", ["none", "all"])
def test_bars_out_of_order_stop_a_sweep(
    keep: str, make_lake: Callable[..., Lake], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arrays look for themselves and let the check say which bars; no lake lets such bars in, so here its view is bent."""

    def bent(*given: Any, **named: Any) -> Any:
        program, source, *rest = assemble(*given, **named)
        early = "cast(ts as timestamp) - interval 2 minute * (bar = 5)::integer as ts"
        view = [(name, f"{sql.replace('view bars', 'view straight')}; create view bars as select * replace ({early}) from straight")
                for name, sql in source.statements if name == "10_bars/bars"]  # fmt: skip
        return program, replace(source, statements=[*view, *source.statements[1:]]), *rest

    assemble = task_module.assemble
    monkeypatch.setattr(task_module, "assemble", bent)
    with pytest.raises(DuckbtError, match=r"check bars_in_order found 1 offending rows, the first: \(5, "):
        sweep(strategy(**BASE), make_lake(X=walk(5)), GRID, results=tmp_path / "r", keep_trades=keep)


@pytest.mark.parametrize("name", SLOW)
def test_by_stages(name: str, make_lake: Callable[..., Lake], tmp_path: Path) -> None:
    lake = make_lake(X=walk(len(name)), Y=walk(7))
    compare(lake, strategy(**{**BASE, **SLOW[name]}), tmp_path, ("X", "Y"), keep="all")


def test_several_symbols(make_lake: Callable[..., Lake], tmp_path: Path) -> None:
    compare(make_lake(X=walk(1), Y=walk(2)), strategy(**BASE), tmp_path, ("X", "Y"))
