"""The catalog: open for readers at all times, one view per table, nothing of its own inside."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from conftest import strategy
from duckbt.lake.store import Lake
from duckbt.results.run import Run, backtest

ROWS = [(100 + i % 7, 104 + i % 7, 98 + i % 7, 101 + i % 5) for i in range(200)]
VIEWS = ["calendar", "drawdowns", "equity", "metrics", "runs", "signals", "trades"]
ONE = {"indicators": {"mean": "sma(close, 5)"}, "entry": {"long": "close > mean"}, "exit": {"max_bars": 3}}
TWO = {"indicators": {"range14": "atr(14)"}, "entry": {"short": "close > open"}, "exit": {"stop": "range14"}}


def read(results: Path, sql: str) -> list[tuple]:
    with duckdb.connect(results / "catalog.duckdb", read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def two_runs(make_lake: Callable[..., Lake], tmp_path: Path) -> tuple[Path, Run, Run]:
    lake = make_lake(X=ROWS)
    results = tmp_path / "results"
    return results, backtest(strategy(**ONE), lake, results=results), backtest(strategy(**TWO), lake, results=results)


def test_every_view_tells_the_run(two_runs: tuple[Path, Run, Run]) -> None:
    results, one, two = two_runs
    assert [r[0] for r in read(results, "select view_name from duckdb_views() where not internal order by 1")] == VIEWS
    for view in VIEWS:
        assert read(results, f"select distinct run_id from {view} order by 1") == [
            (i,) for i in sorted([one.run_id, two.run_id])
        ]
        assert dict(read(results, f"select column_name, column_type from (describe {view})"))["run_id"] == "VARCHAR"
    for run in (one, two):
        count = read(results, f"select count(*) from trades where run_id = '{run.run_id}'")
        assert count == [(run.metrics["trades"],)]


def test_a_filter_on_the_run_opens_one_folder(two_runs: tuple[Path, Run, Run]) -> None:
    results, one, _ = two_runs
    plan = read(results, f"explain analyze select * from trades where run_id = '{one.run_id}'")[0][1]
    assert "Total Files Read: 1" in " ".join(plan.split())


def test_it_holds_views_only_and_no_windows(two_runs: tuple[Path, Run, Run]) -> None:
    results = two_runs[0]
    assert read(results, "select count(*) from duckdb_tables()") == [(0,)]
    assert not [s for (s,) in read(results, "select sql from duckdb_views() where not internal") if "over (" in s.lower()]


def test_it_is_stored_so_that_older_tools_can_open_it(two_runs: tuple[Path, Run, Run]) -> None:
    tags = read(two_runs[0], "select tags from duckdb_databases() where not internal")[0][0]
    assert tags["storage_version"].startswith("v1.4")


def test_indicators_of_all_runs_are_columns_of_signals(two_runs: tuple[Path, Run, Run]) -> None:
    results, one, two = two_runs
    rows = read(results, "select run_id, count(mean), count(range14) from signals group by 1")
    assert {r: (a > 0, b > 0) for r, a, b in rows} == {one.run_id: (True, False), two.run_id: (False, True)}
    described = (results / ".catalog.sql").read_text()
    assert "mean" in described
    assert "range14" in described


def test_it_is_written_only_when_something_is_new(make_lake: Callable[..., Lake], tmp_path: Path) -> None:
    lake = make_lake(X=ROWS)
    backtest(strategy(**ONE), lake, results=tmp_path)
    before = (tmp_path / "catalog.duckdb").stat()
    backtest(strategy(**{**ONE, "exit": {"max_bars": 4}}), lake, results=tmp_path)
    after = (tmp_path / "catalog.duckdb").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert read(tmp_path, "select count(*) from runs") == [(2,)]
    backtest(strategy(**TWO), lake, results=tmp_path)
    assert (tmp_path / "catalog.duckdb").stat().st_ino != before.st_ino
    assert read(tmp_path, "select count(*) from runs") == [(3,)]


def test_ids_that_look_like_numbers_stay_text(two_runs: tuple[Path, Run, Run]) -> None:
    results, one, two = two_runs
    for run, number in ((one, "1234567890123456"), (two, "12e4567890123456")):
        run.path.rename(results / "runs" / f"run_id={number}")
    assert read(results, "select distinct run_id from trades order by 1") == [("1234567890123456",), ("12e4567890123456",)]
    assert read(results, "select count(*) > 0 from metrics where run_id = '12e4567890123456'") == [(True,)]


@pytest.mark.parametrize("name", ["it's", "a [b] c", "star*", "ünï", "a;b"])
def test_odd_folder_names(name: str, make_lake: Callable[..., Lake], tmp_path: Path) -> None:
    run = backtest(strategy(**ONE), make_lake(X=ROWS), results=tmp_path / name)
    assert read(tmp_path / name, "select distinct run_id from trades") == [(run.run_id,)]
    assert run.trades.aggregate("count(*)").fetchall() == [(run.metrics["trades"],)]


def test_a_moved_folder_is_right_again_after_the_next_run(make_lake: Callable[..., Lake], tmp_path: Path) -> None:
    lake = make_lake(X=ROWS)
    backtest(strategy(**ONE), lake, results=tmp_path / "old")
    shutil.move(tmp_path / "old", tmp_path / "new")
    backtest(strategy(**TWO), lake, results=tmp_path / "new")
    assert read(tmp_path / "new", "select count(*) from runs") == [(2,)]


READER = """
import sys, time, duckdb
catalog, stop = sys.argv[1:]
connection = duckdb.connect(catalog, read_only=True)
print("open", flush=True)
reads = 0
import os
while not os.path.exists(stop):
    complete = connection.execute(
        "select count(*) from runs r where not exists (from metrics m where m.run_id = r.run_id and m.name = 'trades')"
    ).fetchall()
    assert complete == [(0,)], complete
    connection.execute("select run_id, count(*) from trades group by all").fetchall()
    reads += 1
print(reads, connection.execute("select count(*) from runs").fetchall()[0][0], flush=True)
"""


def test_readers_keep_it_open_while_runs_are_written(make_lake: Callable[..., Lake], tmp_path: Path) -> None:
    lake, results, stop = make_lake(X=ROWS), tmp_path / "results", tmp_path / "stop"
    backtest(strategy(**ONE), lake, results=results)
    command = [sys.executable, "-c", READER, str(results / "catalog.duckdb"), str(stop)]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        for reader in readers:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "open\n"
        for bars in range(4, 10):
            backtest(strategy(**{**ONE, "exit": {"max_bars": bars}}), lake, results=results)
        backtest(strategy(**TWO), lake, results=results)  # brings a new column: the catalog itself is replaced
    finally:
        stop.touch()
    for reader in readers:
        out, err = reader.communicate(timeout=60)
        assert reader.returncode == 0, err
        reads, runs = map(int, out.split())
        assert reads > 2
        assert runs == 8  # a reader of the replaced file still sees every run
    assert read(results, "select count(*) from runs") == [(8,)]


def test_two_writers_of_one_run_agree(make_lake: Callable[..., Lake], tmp_path: Path) -> None:
    make_lake(X=ROWS)
    (tmp_path / "s.toml").write_text('name = "s"\ntimeframe = "1m"\n[entry]\nlong = "close > open"\n[exit]\nmax_bars = 3\n')
    command = [sys.executable, "-m", "duckbt", "backtest", "run", "s.toml", "--lake", "lake", "--json"]
    writers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) for _ in range(2)
    ]
    documents = []
    for writer in writers:
        out, err = writer.communicate(timeout=60)
        assert writer.returncode == 0, err
        documents.append(json.loads(out))
    assert documents[0]["run_id"] == documents[1]["run_id"]
    assert documents[0]["metrics"] == documents[1]["metrics"]
    assert read(tmp_path / "results", "select count(*) from runs") == [(1,)]
    assert list((tmp_path / "results" / ".staging").iterdir()) == []
