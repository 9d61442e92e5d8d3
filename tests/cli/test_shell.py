"""The shell on the catalog: DuckDB's own where there is one, else a small one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Called
from duckbt.lake.sample import make_sample_lake, sample_strategy
from duckbt.lake.store import Lake
from duckbt.results.run import Run, backtest

NO_DUCKDB = os.environ | {"PATH": ""}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("shell")
    make_sample_lake(Lake(folder / "lake"))
    return backtest(sample_strategy(), folder / "lake", results=folder / "r")


def results(run: Run) -> Path:
    return run.path.parents[1]


def test_one_command(run: Run, duckcli: Callable[..., Called]) -> None:
    called = duckcli("shell", "--results", results(run), "-c", "select count(*) as n from trades; select 'two' as word")
    assert called.code == 0, called.err
    assert f"{int(run.metrics['trades'] or 0):,}" in called.out
    assert "two" in called.out


def test_many_rows_are_cut_and_said_to_be(run: Run, duckcli: Callable[..., Called]) -> None:
    assert "the first 100 rows" in duckcli("shell", "--results", results(run), "-c", "select trade_id from trades").out
    assert "the first" not in duckcli("shell", "--results", results(run), "-c", "from range(100)").out


def test_the_small_shell(run: Run) -> None:
    typed = "select count(*) as runs\nfrom runs;\nselect nonsense;\nselect 'still here' as word;\n.quit\nselect 'not any more';\n"
    command = [sys.executable, "-m", "duckbt", "shell", "--results", str(results(run))]
    done = subprocess.run(command, input=typed, capture_output=True, text=True, check=False, env=NO_DUCKDB)
    assert done.returncode == 0, done.stderr
    assert "runs" in done.stdout
    assert "still here" in done.stdout
    assert "not any more" not in done.stdout
    assert "nonsense" in done.stderr
    assert "Traceback" not in done.stderr


def test_duckdb_s_own_shell_is_taken_where_there_is_one(run: Run, tmp_path: Path) -> None:
    fake = tmp_path / "duckdb"
    fake.write_text('#!/bin/sh\necho "called with $@"\nexit 7\n')
    fake.chmod(0o755)
    command = [sys.executable, "-m", "duckbt", "shell", "--results", str(results(run))]
    environment = os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 7
    assert done.stdout == f"called with -readonly {results(run) / 'catalog.duckdb'}\n"


def test_nothing_can_be_changed(run: Run, duckcli: Callable[..., Called]) -> None:
    called = duckcli("shell", "--results", results(run), "-c", "create table x as select 1")
    assert called.code == 4
    assert "read-only" in called.err


def test_no_catalog(tmp_path: Path, duckcli: Callable[..., Called]) -> None:
    called = duckcli("shell", "--results", tmp_path)
    assert called.code == 4
    assert "duckcli backtest run" in called.err
