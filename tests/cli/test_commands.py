"""The commands when all is well: what they print, and where."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

import duckbt
from conftest import Called

RUN_KEYS = {"run_id", "path", "bars", "signals", "trades", "metrics", "timings"}


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose lake holds the sample and whose results hold the sample run."""
    from duckbt.lake.sample import make_sample_lake, sample_strategy

    folder = tmp_path_factory.mktemp("commands")
    make_sample_lake(duckbt.Lake(folder / "lake"))
    duckbt.backtest(sample_strategy(), folder / "lake", results=folder / "results")
    return folder


@pytest.fixture
def here(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(workplace)
    return workplace


def test_the_first_command_needs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, duckcli: Callable[..., Called]
) -> None:
    monkeypatch.chdir(tmp_path)
    called = duckcli("backtest", "run", "--json")
    assert called.code == 0, called.err
    assert called.json.keys() == RUN_KEYS
    assert called.json["trades"] > 1000
    assert "sample data (synthetic prices)" in called.err
    assert (tmp_path / called.json["path"] / "trades.parquet").is_file()


def test_a_summary_for_people(here: Path, duckcli: Callable[..., Called]) -> None:
    called = duckcli("backtest", "run")
    assert called.code == 0
    for part in (
        "ema_cross",
        "fast=12",
        "EURSYN, GBPSYN 1m",
        "win_rate",
        "sharpe",
        "was there already",
        "results/runs/run_id=",
    ):
        assert part in called.out
    assert called.err == ""


def test_every_json_is_one_document(here: Path, duckcli: Callable[..., Called]) -> None:
    (here / "s.toml").write_text('name = "s"\ntimeframe = "1d"\n[entry]\nlong = "close > open"\n[exit]\nmax_bars = 3\n')
    run = duckcli("backtest", "run", "s.toml", "--json")
    calls = {
        "run": run,
        "run again": duckcli("backtest", "run", "s.toml", "--json"),
        "run anew": duckcli("backtest", "run", "s.toml", "--json", "--force"),
        "scan": duckcli("backtest", "scan", "s.toml", "--json", "--out", "bars.parquet"),
        "list": duckcli("backtest", "list", "--json"),
        "show": duckcli("backtest", "show", run.json["run_id"][:7], "--json"),
        "data list": duckcli("data", "list", "--json"),
        "data sample": duckcli("data", "sample", "--json"),
        "data add": duckcli("data", "add", "bars.parquet", "--lake", "other", "--json", "-t", "1d"),
    }
    for name, called in calls.items():
        assert called.code == 0, (name, called.err)
        assert called.json, name
        assert called.err == "", name
    assert run.json.keys() == RUN_KEYS
    assert run.json == calls["run again"].json
    assert calls["run anew"].json["metrics"] == run.json["metrics"]
    assert calls["show"].json.keys() == RUN_KEYS | {"manifest"}
    assert {r["run_id"] for r in calls["list"].json} >= {run.json["run_id"]}
    assert calls["scan"].json["bars"] == run.json["bars"]


def test_json_has_no_nan(here: Path, duckcli: Callable[..., Called]) -> None:
    (here / "never.toml").write_text('name = "never"\ntimeframe = "1d"\n[entry]\nlong = "close > 1e9"\n')
    called = duckcli("backtest", "run", "never.toml", "--json")
    assert json.loads(called.out, parse_constant=lambda text: pytest.fail(text))["metrics"]["sharpe"] is None


def test_parameters_and_selection_reach_the_run(here: Path, duckcli: Callable[..., Called]) -> None:
    options = ["-p", "fast=20", "--param", "k_stop=1.5", "-s", "EURSYN", "--from", "2024-01-10", "--to", "2024-02-01T12:00"]
    strategy = duckcli("backtest", "new", "mine").out.split()[0]
    run = duckcli("backtest", "run", strategy, *options, "--json").json
    manifest = duckcli("backtest", "show", run["run_id"], "--json").json["manifest"]
    assert manifest["parameters"] == {"fast": 20, "slow": 48, "k_stop": 1.5, "k_target": 3.0}
    assert manifest["selection"]["symbols"] == ["EURSYN"]
    low, high = duckdb.sql(
        f"select min(signal_ts)::varchar, max(exit_ts)::varchar from '{run['path']}/trades.parquet'"
    ).fetchall()[0]
    assert "2024-01-10" <= low <= high < "2024-02-01 12:00:00"


def test_warmup_moves_values_not_trades(here: Path, duckcli: Callable[..., Called]) -> None:
    (here / "w.toml").write_text(
        'name = "w"\ntimeframe = "1m"\n[indicators]\nmean = "sma(close, 200)"\n'
        '[entry]\nlong = "close > mean"\n[exit]\nmax_bars = 3\n'
    )
    options = ["w.toml", "-s", "EURSYN", "--from", "2024-01-10", "--to", "2024-01-11", "--json"]

    def first(run: dict) -> str:
        return duckdb.sql(f"select min(ts)::varchar from '{run['path']}/signals.parquet'").fetchall()[0][0]

    cold = duckcli("backtest", "run", *options).json
    warm = duckcli("backtest", "run", *options, "--warmup", "300").json
    assert first(cold) >= "2024-01-10 03:19:00"
    assert "2024-01-10 00:00:00" <= first(warm) < "2024-01-10 03:19:00"
    assert warm["run_id"] != cold["run_id"]


def test_scan_writes_every_bar(here: Path, duckcli: Callable[..., Called]) -> None:
    strategy = here / "scan.toml"
    strategy.write_text(
        'name = "scan"\ntimeframe = "1d"\n[indicators]\nmean = "sma(close, 5)"\nband = "bbands(close, 5)"\n'
        '[entry]\nlong = "close > mean"\n'
    )
    called = duckcli("backtest", "scan", strategy, "--out", "scan.parquet")
    assert called.code == 0
    assert "mean" in called.out
    rows = duckdb.sql("from 'scan.parquet'")
    assert rows.columns == [
        "symbol", "ts", "open", "high", "low", "close", "volume", "mean", "band_upper", "band_middle", "band_lower",
        "long_signal", "short_signal",
    ]  # fmt: skip
    assert duckdb.sql("select count(*), count(mean), count(distinct symbol) from 'scan.parquet'").fetchall()[0][0] > 2600
    assert duckdb.sql(
        "select count(*) from 'scan.parquet' where long_signal is distinct from coalesce(close > mean, false)"
    ).fetchall() == [(0,)]


def test_sql_prints_the_script_of_the_run(here: Path, duckcli: Callable[..., Called]) -> None:
    (here / "t.toml").write_text('name = "t"\ntimeframe = "1d"\n[entry]\nlong = "close > open"\n[exit]\nmax_bars = 3\n')
    printed = duckcli("backtest", "sql", "t.toml")
    duckcli("backtest", "sql", "t.toml", "--out", "t.sql")
    run = duckcli("backtest", "run", "t.toml", "--json").json
    stored = (here / run["path"] / "run.sql").read_text(encoding="utf-8")
    assert printed.out.rstrip("\n") == (here / "t.sql").read_text(encoding="utf-8").rstrip("\n") == stored.rstrip("\n")


def test_show_finds_a_run_by_id_beginning_and_path(here: Path, duckcli: Callable[..., Called]) -> None:
    run = duckcli("backtest", "run", "--json").json
    for name in (run["run_id"], run["run_id"][:8], run["path"], here / run["path"]):
        called = duckcli("backtest", "show", name)
        assert called.code == 0, called.err
        assert "EURSYN" in called.out
        assert "profit_factor" in called.out
    shown = duckcli("backtest", "show", run["run_id"], "--trades", "3")
    assert "exit_reason" in shown.out
    other = duckcli("backtest", "run", "--json", "-s", "GBPSYN", "--force").json
    assert duckcli("backtest", "show", "--json").json["run_id"] == other["run_id"]
    assert duckcli("backtest", "compare", run["run_id"], "latest", "--json").json["runs"] == [run["run_id"], other["run_id"]]
    assert "`duckcli backtest list` shows the" in duckcli("backtest", "show", "deadbeef").err
    nothing = duckcli("backtest", "show", "--results", "none")
    assert (nothing.code, "`duckcli backtest run` makes one" in nothing.err) == (4, True)


def test_list_of_nothing_says_what_to_do(here: Path, duckcli: Callable[..., Called]) -> None:
    assert "duckcli backtest run" in duckcli("backtest", "list", "--results", "none").out
    assert "duckcli data sample" in duckcli("data", "list", "--lake", "none").out
    assert duckcli("backtest", "list", "--results", "none", "--json").json == []
    assert not (here / "none").exists()


def test_two_runs_of_one_beginning_are_told_apart(tmp_path: Path, duckcli: Callable[..., Called]) -> None:
    for name in ("run_id=abcd1", "run_id=abcd2"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "manifest.json").write_text("{}")
    called = duckcli("backtest", "show", "abcd", "--results", tmp_path)
    assert called.code == 4
    assert "fits 2 runs: " in called.err


def test_version_and_help(duckcli: Callable[..., Called]) -> None:
    assert duckcli("--version").out == f"duckbt {duckbt.__version__}\n"
    for arguments in (["--help"], ["data", "-h"], ["backtest", "run", "--help"]):
        called = duckcli(*arguments)
        assert called.code == 0
        assert "Usage: duckcli" in called.out
