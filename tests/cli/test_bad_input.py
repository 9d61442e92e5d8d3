"""Every mistake gets a message that says what, where and the way out, an exit code, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from conftest import Called, write_bars
from duckbt.lake.register import register
from duckbt.lake.store import Lake
from duckbt.lake.timeframe import Timeframe

USAGE, STRATEGY, DATA, RESOURCES = 2, 3, 4, 5
ROWS = [(100 + i % 7, 104 + i % 7, 98 + i % 7, 101 + i % 5) for i in range(60)]
GOOD = """
name = "good"
timeframe = "1m"
[params]
n = 5
fast = true
[indicators]
mean = "sma(close, $n)"
[entry]
long = "close > mean"
[exit]
max_bars = 3
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a lake of two symbols and a good strategy."""
    monkeypatch.chdir(tmp_path)
    for symbol in ("EURUSD", "GBPUSD"):
        register([write_bars(tmp_path / f"{symbol}.parquet", ROWS)], Lake("lake"), symbol=symbol, timeframe=Timeframe("1m"))
    (tmp_path / "good.toml").write_text(GOOD)
    return tmp_path


def refused(called: Called, code: int, *parts: str) -> None:
    """A short message on stderr with all the parts, nothing on stdout, the code."""
    assert called.code == code, called.err
    assert called.out == ""
    assert "Traceback" not in called.err
    assert "internal error" not in called.err
    for part in parts:
        assert part in called.err, f"{part!r} is not in:\n{called.err}"
    assert len(called.err) < 1500


def nothing_left(folder: Path) -> None:
    """No run, no catalog, no half-written file."""
    left = [p for p in folder.rglob("*") if p.is_file() or p.name.startswith("run_id=")]
    assert left == [] or all(p.name == ".lock" for p in left), left


STRATEGIES = {
    "unknown indicator": ("close > mean", "close > smaa(close, 5)", ["entry.long", "smaa", "^^^^", "did you mean 'sma'"]),
    "unknown name": ("close > mean", "close > maen", ["entry.long", "unknown name 'maen'", "did you mean 'mean'?"]),
    "unknown parameter": ("$n", "$m", ["indicators.mean", "unknown parameter $m", "[params]", "$n"]),
    "subquery": ("close > mean", "close > (select max(close) from bars)", ["entry.long", "subquery", "^^^^"]),
    "lead": ("close > mean", "lead(close) > close", ["entry.long", "lead looks ahead", "prev(x, n)"]),
    "negative offset": ("close > mean", "prev(close, -1) > close", ["entry.long", "ahead"]),
    "not SQL": ("close > mean", "close >", ["entry.long", "not valid SQL", "^"]),
    "not a condition": ("close > mean", "close - mean", ["entry.long", "(true or false) is needed", "rsi14 < 30"]),
    "not whole bars": ("n = 5", "n = 5.5", ["indicators.mean", "whole number of bars", "5.5"]),
    "nothing to sum over": ("$n", "0", ["indicators.mean", "whole number of bars", "0"]),
    "typo in a key": ("max_bars = 3", "max_bar = 3", ["'exit.max_bar'", "did you mean 'max_bars'"]),
    "typo in a section": ("[exit]", "[exits]", ["'exits'", "did you mean 'exit'?"]),
    "a key that is missing": ('timeframe = "1m"', "", ["'timeframe'", "missing"]),
    "no side": ('long = "close > mean"', "", ["entry.long", "entry.short"]),
    "odd timeframe": ('"1m"', '"1 parsec"', ["timeframe", "1 parsec", "15m"]),
    "wrong choice": ("[exit]", '[exit]\nsame_bar = "target"', ["exit.same_bar", "'target'", "'target_first'"]),
    "stop twice": ("[exit]", '[exit]\nstop = "1"\nstop_price = "low"', ["exit.stop", "exit.stop_price", "not both"]),
    "max_bars of zero": ("max_bars = 3", "max_bars = 0", ["exit.max_bars", "whole number"]),
    "odd name": ('name = "good"', 'name = "../good"', ["name = '../good'", "letters, digits"]),
    "broken TOML": ('name = "good"', 'name = "good', ["not valid TOML", "line 2"]),
    "a name that is taken": ("mean = ", "close = ", ["indicators.close", "taken"]),
}  # fmt: skip


@pytest.mark.parametrize("case", STRATEGIES)
def test_a_bad_strategy(case: str, here: Path, duckcli: Callable[..., Called]) -> None:
    old, new, parts = STRATEGIES[case]
    assert old in GOOD
    (here / "bad.toml").write_text(GOOD.replace(old, new))
    refused(duckcli("backtest", "run", "bad.toml"), STRATEGY, "bad.toml", *parts)
    refused(duckcli("backtest", "sql", "bad.toml"), STRATEGY, *parts)
    nothing_left(here / "results")


CALLS = {
    "missing strategy": (["backtest", "run", "god.toml"], STRATEGY, ["no such strategy", "did you mean 'good.toml'?"]),
    "a folder as strategy": (["backtest", "run", "lake"], STRATEGY, ["lake", "cannot be read"]),
    "no lake": (["backtest", "run", "good.toml", "--lake", "no"], DATA, ["no bars in the lake no", "duckcli data sample"]),
    "unknown symbol": (["backtest", "run", "good.toml", "-s", "EURUS"], DATA, ["'EURUS'", "did you mean 'EURUSD'"]),
    "a symbol twice": (["backtest", "run", "good.toml", "-s", "EURUSD", "-s", "EURUSD"], USAGE, ["twice", "EURUSD"]),
    "no bars in the range": (["backtest", "run", "good.toml", "--from", "2031-01-01"], DATA,
                             ["no bars from 2031-01-01", "EURUSD has 2024-01-01 00:00 to 2024-01-01 00:59"]),
    "range the wrong way round": (["backtest", "run", "good.toml", "--from", "2024-02-01", "--to", "2024-01-01"], USAGE,
                                  ["2024-02-01", "2024-01-01", "later end"]),
    "bad --from": (["backtest", "run", "good.toml", "--from", "31.12.2023"], USAGE, ["--from 31.12.2023", "2024-01-31"]),
    "bad --to": (["backtest", "run", "good.toml", "--to", "tomorrow"], USAGE, ["--to tomorrow", "2024-01-31"]),
    "-p without value": (["backtest", "run", "good.toml", "-p", "n"], USAGE, ["--param n", "NAME=VALUE"]),
    "-p of another kind": (["backtest", "run", "good.toml", "-p", "n=many"], USAGE, ["parameter n", "'many'", "5"]),
    "-p neither true nor false": (["backtest", "run", "good.toml", "-p", "fast=so"], USAGE, ["parameter fast", "'so'"]),
    "-p unknown": (["backtest", "run", "good.toml", "-p", "m=3"], STRATEGY, ["no parameter 'm'", "declared: n"]),
    "-p that cannot work": (["backtest", "run", "good.toml", "-p", "n=-3"], STRATEGY, ["indicators.mean", "-3"]),
    "unknown option": (["backtest", "run", "good.toml", "--lak", "x"], USAGE, ["--lak"]),
    "unknown command": (["backtest", "walk"], USAGE, ["walk"]),
    "unknown group": (["bakctest"], USAGE, ["bakctest"]),
    "bad memory limit": (["backtest", "run", "good.toml", "--memory-limit", "lots"], USAGE, ["memory-limit lots", "1GB"]),
    "no threads": (["backtest", "run", "good.toml", "--threads", "0"], USAGE, ["--threads"]),
    "unknown run": (["backtest", "show", "deadbeef"], DATA, ["no run 'deadbeef'", "`duckcli backtest run` makes one"]),
    "no folder for --out": (["backtest", "scan", "good.toml", "--out", "there/x"], USAGE, ["--out", "no folder there"]),
    "a folder as --out": (["backtest", "sql", "good.toml", "--out", "lake"], USAGE, ["--out lake", "is a folder"]),
    "starter that is there": (["backtest", "new", "good"], USAGE, ["good.toml is there already"]),
}  # fmt: skip


@pytest.mark.parametrize("case", CALLS)
def test_a_bad_call(case: str, here: Path, duckcli: Callable[..., Called]) -> None:
    arguments, code, parts = CALLS[case]
    refused(duckcli(*arguments), code, *parts)
    nothing_left(here / "results")


def _csv(here: Path, text: str) -> str:
    (here / "BAD_M1.csv").write_text(text)
    return "BAD_M1.csv"


HEAD = "time,open,high,low,close\n"
LINE = "2024-01-01 00:0{0}:00,1,2,0.5,1.5\n"
FILES = {
    "missing file": (None, ["nowhere.csv", "no such file"]),
    "empty file": ("", ["BAD_M1.csv", "empty"]),
    "header only": (HEAD, ["no rows"]),
    "wrong columns": ("foo,bar,baz\n1,2,3\n", ["ts, open, high, low, close", "foo, bar, baz", "--columns"]),
    "text in every price": (HEAD + LINE.format(0).replace("1.5", "abc"), ["not a number", "row 1", "abc"]),
    "prices below zero": (HEAD + LINE.format(0).replace(",1,", ",-1,"), ["no row is a bar", "-1"]),
    "nonsense": ("\0\1\2nonsense\n\3", ["BAD_M1.csv"]),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_a_bad_file_to_ingest(case: str, here: Path, duckcli: Callable[..., Called]) -> None:
    text, parts = FILES[case]
    file = "nowhere.csv" if text is None else _csv(here, text)
    refused(duckcli("data", "ingest", file, "--lake", "new"), DATA, *parts)
    nothing_left(here / "new")


def test_a_bad_row_among_good_ones_is_counted_and_shown(here: Path, duckcli: Callable[..., Called]) -> None:
    file = _csv(here, HEAD + LINE.format(0) + LINE.format(1).replace("1.5", "abc") + LINE.format(2))
    called = duckcli("data", "ingest", file, "--lake", "new")
    assert called.code == 0, called.err
    assert re.search(r"rejected: BAD_M1.csv row 2: .*abc", called.out)
    entry = duckcli("data", "list", "--lake", "new", "--json").json[0]
    assert (entry["rows"], entry["rejected"]["rows"]) == (2, 1)
    refused(duckcli("data", "ingest", file, "--lake", "strict", "--strict"), DATA, "--strict", "abc")
    nothing_left(here / "strict")


BAR = "timestamp '2024-01-01' as ts, 1.0 as open, 1.0 as high, 1.0 as low, 1.0 as close"
PARQUET = {
    "wrong columns": ("select 1 as a, 'x' as b", ["no column for ts, open, high, low, close", "a, b", "--columns"]),
    "text in a price column": ("select " + BAR.replace("1.0 as open", "'x' as open"), ["BAD_M1.parquet", "the column open holds text"]),
    "no rows": (f"select {BAR} limit 0", ["no rows"]),
}  # fmt: skip


@pytest.mark.parametrize("case", PARQUET)
def test_a_bad_parquet_to_add(case: str, here: Path, duckcli: Callable[..., Called]) -> None:
    query, parts = PARQUET[case]
    with duckdb.connect() as connection:
        connection.execute(f"copy ({query}) to 'BAD_M1.parquet'")
    refused(duckcli("data", "add", "BAD_M1.parquet", "--lake", "new"), DATA, *parts)
    nothing_left(here / "new")


def test_a_file_that_only_calls_itself_parquet(here: Path, duckcli: Callable[..., Called]) -> None:
    (here / "BAD_M1.parquet").write_bytes(b"this is no Parquet" * 50)
    refused(duckcli("data", "add", "BAD_M1.parquet", "--lake", "new"), DATA, "BAD_M1.parquet", "not a readable Parquet file")
    nothing_left(here / "new")


@pytest.mark.parametrize("what", ["gone", "changed", "truncated", "emptied"])
def test_bars_that_are_no_longer_what_was_registered(what: str, here: Path, duckcli: Callable[..., Called]) -> None:
    file = here / "EURUSD.parquet"
    stored = file.read_bytes()
    if what == "gone":
        file.unlink()
    elif what == "changed":
        write_bars(file, [(5, 6, 4, 5)] * 60)
    else:
        file.write_bytes(stored[: len(stored) // 2] if what == "truncated" else b"")
    message = "is missing" if what == "gone" else "has changed since it was registered"
    refused(duckcli("backtest", "run", "good.toml"), DATA, str(file), message, "EURUSD")
    nothing_left(here / "results")
    assert duckcli("backtest", "run", "good.toml", "-s", "GBPUSD").code == 0
    file.write_bytes(stored)
    assert duckcli("backtest", "run", "good.toml").code == 0


def test_a_damaged_manifest(here: Path, duckcli: Callable[..., Called]) -> None:
    (here / "lake" / "EURUSD" / "1m" / "manifest.json").write_text('{"version": 1')
    refused(duckcli("backtest", "run", "good.toml"), DATA, "manifest.json is damaged", "gain")


def test_a_results_folder_that_cannot_be_written(here: Path, duckcli: Callable[..., Called]) -> None:
    (here / "taken").write_text("a file, not a folder")
    for results in ("taken", "taken/deeper"):
        refused(duckcli("backtest", "run", "good.toml", "--results", results), USAGE, "cannot write results", results)
    assert (here / "taken").read_text() == "a file, not a folder"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_results_folder_without_permission(here: Path, duckcli: Callable[..., Called]) -> None:
    (here / "locked").mkdir(mode=0o500)
    refused(duckcli("backtest", "run", "good.toml", "--results", "locked"), USAGE, "cannot write results", "locked")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk(here: Path, duckcli: Callable[..., Called]) -> None:
    refused(duckcli("backtest", "sql", "good.toml", "--out", "/dev/full"), RESOURCES, "No space left")


def test_too_little_memory(here: Path, duckcli: Callable[..., Called]) -> None:
    called = duckcli("backtest", "run", "good.toml", "--memory-limit", "1MB")
    refused(called, RESOURCES, "step ", "Memory", "--memory-limit")
    nothing_left(here / "results")


def test_a_damaged_run(here: Path, duckcli: Callable[..., Called]) -> None:
    run = duckcli("backtest", "run", "good.toml", "--json").json
    (Path(run["path"]) / "manifest.json").write_text("{}")
    refused(duckcli("backtest", "show", run["run_id"]), DATA, "manifest.json", "no manifest of a run")


def test_a_check_that_fails_publishes_nothing(
    here: Path, duckcli: Callable[..., Called], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checks run before anything is published; here one is made to find something."""
    monkeypatch.setattr("duckbt.engine.session.render", lambda path: "select 1 as offending")
    called = duckcli("backtest", "run", "good.toml", "--no-progress")
    refused(called, 1, "check ", "offending")
    nothing_left(here / "results")


def test_no_signals_is_a_run(here: Path, duckcli: Callable[..., Called]) -> None:
    (here / "never.toml").write_text(GOOD.replace("close > mean", "close > 1e9"))
    run = duckcli("backtest", "run", "never.toml", "--json").json
    assert (run["signals"], run["trades"]) == (0, 0)
    assert run["metrics"]["trades"] == 0
    assert run["metrics"]["net_pnl"] == 0
    assert run["metrics"]["win_rate"] is None
    assert run["metrics"]["max_drawdown"] == 0
    stored = {p.name for p in Path(run["path"]).iterdir()}
    assert {"trades.parquet", "signals.parquet", "equity.parquet", "metrics.parquet", "run.sql", "manifest.json",
            "report.json", "strategy.toml"} <= stored  # fmt: skip
    with duckdb.connect() as connection:
        for table in ("trades", "signals"):
            assert connection.execute(f"select count(*) from '{run['path']}/{table}.parquet'").fetchall() == [(0,)]
        assert connection.execute(f"select distinct equity from '{run['path']}/equity.parquet'").fetchall() == [(10000.0,)]
    for call in (["show", run["run_id"]], ["show", run["run_id"], "--trades", "5"], ["list"]):
        assert duckcli("backtest", *call).code == 0


def test_in_a_real_process(here: Path) -> None:
    """The same through the operating system: code, streams, no trace of Python."""
    command = [sys.executable, "-m", "duckbt"]
    done = subprocess.run([*command, "backtest", "run", "nowhere.toml"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (STRATEGY, "")
    assert done.stderr.startswith("error: nowhere.toml: no such strategy file")
    shown = subprocess.run(
        [*command, "--debug", "backtest", "run", "nowhere.toml"], capture_output=True, text=True, check=False
    )
    assert shown.returncode != 0
    assert "Traceback" in shown.stderr


def test_a_reader_that_goes_away(here: Path) -> None:
    """``duckcli backtest sql … | head`` is no error to speak of."""
    command = f"{sys.executable} -m duckbt backtest sql good.toml | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith("-- good")
    assert done.stderr == ""


def test_bars_of_another_timeframe_are_not_taken_for_it(here: Path, duckcli: Callable[..., Called]) -> None:
    """Sixty minutes of each symbol are made into one hour; they do not pass for sixty hours."""
    (here / "hours.toml").write_text(GOOD.replace('"1m"', '"1h"'))
    assert duckcli("backtest", "run", "hours.toml", "--json").json["bars"] == 2


def test_bars_that_cannot_make_the_timeframe(here: Path, duckcli: Callable[..., Called]) -> None:
    (here / "fine.toml").write_text(GOOD.replace('"1m"', '"30m"'))
    for symbol in ("EURUSD", "GBPUSD"):
        (here / "lake" / symbol / "1m").rename(here / "lake" / symbol / "7m")
    refused(duckcli("backtest", "run", "fine.toml"), DATA, "no symbol", "30m")
    refused(duckcli("backtest", "run", "fine.toml", "-s", "EURUSD"), DATA, "EURUSD", "30m", "7m")
