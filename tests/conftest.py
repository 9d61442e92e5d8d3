"""Shared helpers: where the real data lies, tiny lakes made of rows, strategies made of text."""

from __future__ import annotations

import importlib.util
import json
import random
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from duckbt.lake.register import register
from duckbt.lake.store import Lake
from duckbt.lake.timeframe import Timeframe
from duckbt.strategy.load import StrategyFile, parse_strategy

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
START = datetime(2024, 1, 1)
PEERS = ("vectorbt", "backtesting", "talib")
# the suite that runs the peers themselves needs them installed: `make equivalence`
collect_ignore_glob = [] if all(importlib.util.find_spec(p) for p in PEERS) else ["equivalence/*"]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real data and recorded results of peers; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"real market data is not here: {SHARED} does not exist")
    return SHARED


def walk(seed: int, bars: int = 700) -> list[tuple[int, int, int, int]]:
    """Small integer prices with ties and gaps."""
    source, rows, price = random.Random(seed), [], 60
    for _ in range(bars):
        opened = max(20, price + source.choice([0, 0, 0, 0, 1, -1, 3, -3]))
        high, low = opened + source.randint(0, 3), opened - source.randint(0, 3)
        price = source.randint(low, high)
        rows.append((opened, high, low, price))
    return rows


def write_bars(path: Path, rows: Sequence[Sequence[float]], minutes: int = 1, start: datetime = START) -> Path:
    """Parquet of (open, high, low, close[, volume]) rows, one bar after the other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = [
        (start + timedelta(minutes=minutes * i), *map(float, r[:4]), float(r[4]) if len(r) > 4 else 0.0)
        for i, r in enumerate(rows)
    ]
    with duckdb.connect() as connection:
        connection.execute(
            "create table bars (ts timestamp, open double, high double, low double, close double, volume double)"
        )
        for i in range(0, len(values), 5000):
            part = values[i : i + 5000]
            marks = ", ".join("(?, ?, ?, ?, ?, ?)" for _ in part)
            connection.execute(f"insert into bars values {marks}", [v for row in part for v in row])
        connection.execute("copy bars to ? (format parquet)", [str(path)])
    return path


@pytest.fixture
def make_lake(tmp_path: Path) -> Callable[..., Lake]:
    """``make_lake(X=[(o, h, l, c), …], Y=…)``: a lake of one-minute bars, registered in place."""

    def make(minutes: int = 1, **symbols: Sequence[Sequence[float]]) -> Lake:
        lake = Lake(tmp_path / "lake")
        for name, rows in symbols.items():
            file = write_bars(tmp_path / "raw" / f"{name}.parquet", rows, minutes)
            register([file], lake, symbol=name, timeframe=Timeframe(f"{minutes}m"))
        return lake

    return make


@dataclass(frozen=True)
class Called:
    """What a call of ``duckcli`` came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON document and nothing else."""
        return json.loads(self.out)


@pytest.fixture
def duckcli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Called]:
    """``duckcli("backtest", "run", …)`` in this process, through its entry point."""
    from duckbt.cli.app import main

    def call(*arguments: object) -> Called:
        monkeypatch.setattr(sys, "argv", ["duckcli", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as leaving:
            main()
        out, err = capsys.readouterr()
        return Called(int(leaving.value.code or 0), out, err)

    return call


def strategy(text: str = "", path: Path = Path("strategy.toml"), **sections: dict[str, Any]) -> StrategyFile:
    """A strategy from keyword sections, e.g. ``strategy(entry={"long": "close > 1"}, exit={"stop": 1})``."""
    data: dict[str, Any] = {"name": "test", "timeframe": "1m"} | (tomllib.loads(text) if text else {}) | sections
    return parse_strategy(_toml(data), path)


def _toml(data: dict[str, Any], prefix: str = "") -> str:
    plain = [f"{k} = {_literal(v)}" for k, v in data.items() if not isinstance(v, dict)]
    tables = [f"\n[{prefix}{k}]\n{_toml(v, f'{prefix}{k}.')}" for k, v in data.items() if isinstance(v, dict)]
    return "\n".join(plain + tables)


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(_literal(v) for v in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {_literal(v)}" for k, v in value.items()) + "}"
    return (
        repr(value) if isinstance(value, int | float) else '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
    )
