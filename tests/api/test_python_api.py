"""The library as scripts and notebooks use it."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest

import duckbt

SYSTEM = """
name = "cross"
timeframe = "1m"
[params]
fast = 12
[indicators]
quick = "ema(close, $fast)"
slow = "ema(close, 48)"
[entry]
long = "crossed_above(quick, slow)"
[exit]
long = "crossed_below(quick, slow)"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from duckbt.lake.sample import make_sample_lake

    made = tmp_path_factory.mktemp("api")
    make_sample_lake(duckbt.Lake(made / "lake"))
    (made / "cross.toml").write_text(SYSTEM)
    return made


@pytest.fixture(scope="module")
def run(folder: Path) -> duckbt.Run:
    return duckbt.backtest(
        folder / "cross.toml", lake=folder / "lake", symbols=["EURSYN"], params={"fast": 10}, results=folder / "results"
    )


def test_import_is_light() -> None:
    code = "import sys, duckbt; print([m for m in ('duckdb', 'pydantic', 'jinja2', 'polars', 'typer') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_public_names_are_there_and_no_others() -> None:
    assert sorted(duckbt.__all__) == sorted(n for names in duckbt._HOMES.values() for n in names)
    for name in duckbt.__all__:
        assert getattr(duckbt, name) is not None
        assert name in dir(duckbt)
    with pytest.raises(AttributeError, match="backtets"):
        duckbt.backtets  # noqa: B018


def test_a_backtest(run: duckbt.Run) -> None:
    assert run.fresh
    assert run.metrics["trades"] == len(run.trades.fetchall()) > 100
    assert isinstance(run.metrics["sharpe"], float)
    assert run.metrics == run.metrics_of("all")
    assert run.manifest.parameters == {"fast": 10}
    assert run.trades.columns[:3] == ["trade_id", "symbol", "direction"]
    assert {s for (s,) in run.signals.project("status").distinct().fetchall()} <= {"taken", "in_position", "last_bar"}
    assert run.equity.columns == ["ts", "equity", "drawdown", "open_positions", "exposed"]


def test_trades_in_every_shape(run: duckbt.Run) -> None:
    count = run.metrics["trades"]
    assert run.trades.pl().height == count
    assert run.trades.to_arrow_table().num_rows == count
    assert run.trades.filter("pnl > 0").aggregate("count(*) as n").fetchall() == [(run.metrics["winning_trades"],)]


def test_trades_as_a_data_frame(run: duckbt.Run) -> None:
    pytest.importorskip("pandas", reason="pandas is optional")
    assert len(run.trades.df()) == run.metrics["trades"]


def test_relations_can_be_used_side_by_side(run: duckbt.Run) -> None:
    trades, signals = run.trades, run.signals
    assert run.metrics["signals"] == len(signals.fetchall())
    assert run.metrics["trades"] == len(trades.fetchall())


def test_the_same_again_is_found(folder: Path, run: duckbt.Run) -> None:
    again = duckbt.backtest(
        str(folder / "cross.toml"), str(folder / "lake"), "EURSYN", {"fast": 10}, results=str(folder / "results")
    )
    assert not again.fresh
    assert again.path == run.path
    assert duckbt.Run.find(run.run_id[:6], folder / "results").metrics == run.metrics
    assert duckbt.Run.find(str(run.path)).run_id == run.run_id


@pytest.mark.parametrize("given", [
    "2024-02-01", datetime(2024, 2, 1), date(2024, 2, 1), "2024-02-01T02:00+02:00", "2024-02-01T00:00:00Z",
    datetime(2024, 1, 31, 19, tzinfo=timezone(timedelta(hours=-5))),
])  # fmt: skip
def test_a_range_may_be_given_in_any_form(given: str | date, folder: Path) -> None:
    run = duckbt.backtest(folder / "cross.toml", folder / "lake", "EURSYN", first=given, results=folder / "results")
    assert run.manifest.selection.first == datetime(2024, 2, 1)
    (first,) = run.signals.aggregate("min(ts)").fetchall()[0]
    assert first >= datetime(2024, 2, 1)


def test_errors_are_one_family(folder: Path) -> None:
    calls = {
        duckbt.StrategyError: lambda: duckbt.backtest(folder / "nowhere.toml", folder / "lake"),
        duckbt.DataError: lambda: duckbt.backtest(folder / "cross.toml", folder / "no lake"),
        duckbt.UsageError: lambda: duckbt.backtest(folder / "cross.toml", folder / "lake", first="soon"),
        duckbt.ResourceError: lambda: duckbt.backtest(
            folder / "cross.toml", folder / "lake", results=folder / "r", settings=duckbt.Settings(memory_limit="2MB")
        ),
    }
    for kind, call in calls.items():
        with pytest.raises(kind) as raised:
            call()
        assert isinstance(raised.value, duckbt.DuckbtError)
    with pytest.raises(duckbt.DataError, match="no run"):
        duckbt.Run.find("deadbeef", folder / "results")
    with pytest.raises(duckbt.DuckbtError, match="no metrics for 'NOBODY'"):
        duckbt.Run.find(str(next((folder / "results" / "runs").iterdir()))).metrics_of("NOBODY")


def test_progress_is_told(folder: Path, tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    lake, system = folder / "lake", folder / "cross.toml"
    duckbt.backtest(system, lake, "EURSYN", results=tmp_path, progress=lambda tick: told.append((tick.stage, tick.share)))
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert told[-1] == ("done", 1.0)
    assert "30_signals/scan" in dict(told)


def test_ingest_and_register(tmp_path: Path) -> None:
    (tmp_path / "ABC_M1.csv").write_text(
        "time,open,high,low,close\n2024-01-01 00:00:00,1,2,0.5,1.5\n2024-01-01 00:01:00,1,2,1,1\n"
    )
    lake = duckbt.Lake(tmp_path / "lake")
    report = duckbt.ingest([tmp_path / "ABC_M1.csv"], lake)
    assert [m.symbol for m, _ in report.datasets] == ["ABC"]
    stored = next((tmp_path / "lake").rglob("*.parquet"))
    manifests = duckbt.register([stored], duckbt.Lake(tmp_path / "other"), symbol="DEF")
    assert [(m.symbol, m.timeframe, m.in_place) for m in manifests] == [("DEF", "1m", True)]
