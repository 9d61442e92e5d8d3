"""A run folder is there whole or not at all, says what it was made of, and is found again."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

import duckbt
from conftest import strategy
from duckbt.lake.store import Lake
from duckbt.results import computing
from duckbt.results.folder import TABLES, list_runs, publish, staging
from duckbt.results.run import Run, Settings, backtest, prepare

ROWS = [(100 + i % 7, 104 + i % 7, 98 + i % 7, 101 + i % 5) for i in range(200)]
ONE = {
    "params": {"n": 5},
    "indicators": {"mean": "sma(close, $n)", "band": "bbands(close, 4)"},
    "entry": {"long": "close > mean", "short": "close < band.lower"},
    "exit": {"max_bars": 3},
}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def lake(make_lake: Callable[..., Lake]) -> Lake:
    return make_lake(X=ROWS)


def test_the_files_of_a_run(lake: Lake, tmp_path: Path) -> None:
    run = backtest(strategy(**ONE), lake, results=tmp_path / "r")
    assert sorted(p.name for p in run.path.iterdir()) == [
        "calendar.parquet", "drawdowns.parquet", "equity.parquet", "manifest.json", "metrics.parquet", "report.json",
        "run.sql", "signals.parquet", "strategy.toml", "trades.parquet",
    ]  # fmt: skip
    assert run.path.name == f"run_id={run.run_id}"
    assert run.path.parent.name == "runs"


def test_the_columns_of_the_tables(lake: Lake, tmp_path: Path) -> None:
    run = backtest(strategy(**ONE), lake, results=tmp_path / "r")
    assert not (run.path / "legs.parquet").exists()  # only strategies that scale out have them
    for name, (columns, _) in TABLES.items():
        if name == "legs":
            continue
        assert run.table(name).columns == columns.split(", ")
    assert run.signals.columns == [
        "symbol", "ts", "direction", "status", "reason", "trade_id", "mean", "band_upper", "band_middle", "band_lower",
    ]  # fmt: skip
    for table in ("trades", "signals", "equity", "metrics"):
        assert "run_id" not in run.table(table).columns


def test_the_order_of_the_rows(lake: Lake, tmp_path: Path) -> None:
    run = backtest(strategy(**ONE), lake, results=tmp_path / "r")
    trades = run.trades.project("trade_id, entry_ts, symbol, direction").fetchall()
    assert [t[0] for t in trades] == list(range(1, len(trades) + 1))
    assert trades == sorted(trades, key=lambda t: t[1:])
    assert [r[0] for r in run.equity.project("ts").fetchall()] == sorted(r[0] for r in run.equity.project("ts").fetchall())


def test_the_manifest_tells_what_it_was_made_of(lake: Lake, tmp_path: Path) -> None:
    file = strategy(**ONE)
    run = backtest(file, lake, params={"n": 6}, results=tmp_path / "r")
    manifest = run.manifest
    assert manifest.parameters == {"n": 6}
    assert manifest.indicator_names == ["mean", "band"]
    assert [(i.name, i.first_bar) for i in manifest.indicators] == [("mean", 5), ("band", 3)]
    assert (run.path / "strategy.toml").read_text() == file.text
    (data,) = manifest.datasets
    ((path, stored),) = data.files.items()
    assert stored == digest(Path(path))
    assert manifest.outputs == {
        p.name: digest(p) for p in run.path.iterdir() if p.name not in ("manifest.json", "report.json")
    }
    assert manifest.engine == duckbt.__version__


def test_a_strategy_s_own_indicators_are_kept(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "indicators").mkdir()
    own = tmp_path / "indicators" / "middle.sql"
    own.write_text("-- middle: Middle of the bar. Nobody, 2024.\n-- parameters: none\nselect (high + low) / 2 as middle\n")
    (tmp_path / "s.toml").write_text(
        'name = "s"\ntimeframe = "1m"\n[entry]\nlong = "close > middle()"\n[exit]\nmax_bars = 2\n'
    )
    run = backtest(tmp_path / "s.toml", lake, results=tmp_path / "r")
    assert (run.path / "indicators" / "middle.sql").read_text() == own.read_text()
    own.write_text(own.read_text().replace("/ 2", "/ 2.5"))
    assert backtest(tmp_path / "s.toml", lake, results=tmp_path / "r").run_id != run.run_id


def test_the_report_has_every_stage_and_adds_up(lake: Lake, tmp_path: Path) -> None:
    run = backtest(strategy(**ONE), lake, results=tmp_path / "r")
    report = json.loads((run.path / "report.json").read_text())
    timings = report["timings"]
    for step in prepare(strategy(**ONE), lake).plan.steps:
        assert step.name in timings
    for part in ("checks", "write trades", "write signals", "write equity", "write metrics"):
        assert part in timings
    assert sum(s for name, s in timings.items() if name != "total") <= timings["total"]
    assert report["candle_count"] == len(ROWS)
    assert report["signal_count"] == run.metrics["signals"]
    assert report["trade_count"] == run.metrics["trades"]


def test_a_crash_while_writing_leaves_nothing(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("the power went")

    monkeypatch.setattr(computing, "_write_rest", crash)
    with pytest.raises(RuntimeError, match="the power went"):
        backtest(strategy(**ONE), lake, results=tmp_path / "r")
    assert list_runs(tmp_path / "r") == []
    assert list((tmp_path / "r" / ".staging").iterdir()) == []
    assert not (tmp_path / "r" / "runs").exists()


def test_a_forced_run_that_crashes_leaves_the_old_one(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = backtest(strategy(**ONE), lake, results=tmp_path / "r")
    before = {p.name: digest(p) for p in run.path.iterdir()}

    def crash(*_: object) -> None:
        raise RuntimeError("the power went")

    monkeypatch.setattr(computing, "_write_rest", crash)
    with pytest.raises(RuntimeError):
        backtest(strategy(**ONE), lake, results=tmp_path / "r", settings=Settings(force=True))
    assert {p.name: digest(p) for p in run.path.iterdir()} == before


def test_what_a_killed_process_left_is_swept_away_and_nothing_else(tmp_path: Path) -> None:
    staged = tmp_path / ".staging"
    here = platform.node()
    for name in (f"{here}-999999999-abcdefgh", "another-machine-999999999-abcdefgh", f"{here}-1-abcdefgh"):
        (staged / name / "run").mkdir(parents=True)
    with staging(tmp_path) as folder:
        left = {p.name for p in staged.iterdir()} - {folder.name}
    assert left == {"another-machine-999999999-abcdefgh", f"{here}-1-abcdefgh"}
    assert not folder.exists()


def test_the_first_to_publish_wins(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(name)
    final = tmp_path / "runs" / "run_id=x"
    assert publish(tmp_path / "a", final, replace=False)
    assert not publish(tmp_path / "b", final, replace=False)
    assert (final / "manifest.json").read_text() == "a"
    assert publish(tmp_path / "b", final, replace=True)
    assert (final / "manifest.json").read_text() == "b"


def test_runs_are_readable_without_the_lake(lake: Lake, tmp_path: Path) -> None:
    """An old run stays readable when its bars are gone and duckbt has moved on."""
    run = backtest(strategy(**ONE), lake, results=tmp_path / "r")
    expected = run.metrics
    for file in lake.root.rglob("manifest.json"):
        file.unlink()
    found = Run.find(run.run_id, tmp_path / "r")
    assert found.metrics == expected
    assert found.manifest.selection.symbols == ["X"]
    with duckdb.connect() as connection:
        assert connection.execute(f"select count(*) from '{found.path}/trades.parquet'").fetchall() == [
            (expected["trades"],)
        ]
