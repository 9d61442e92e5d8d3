"""Runs that are killed, stopped, or meet others: nothing corrupt, nothing half-visible, and the next run works."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

import duckbt
from conftest import ROOT
from duckbt.lake.register import register
from duckbt.lake.sample import make_sample_lake, sample_strategy
from duckbt.lake.store import Lake
from duckbt.results.folder import list_runs, staging
from duckbt.results.provenance import chain
from duckbt.results.run import Run, backtest

CHILD = """
import os, signal, sys
from duckbt.engine.session import Session
from duckbt.results.run import Settings, backtest
lake, strategy, results, last, force = sys.argv[1:4] + [int(sys.argv[4]), sys.argv[5] == "force"]
count = 0
def moment():
    global count
    count += 1
    if count == last:
        os.kill(os.getpid(), signal.SIGKILL)
def hook(event, args):
    if event in ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"):
        if str(args[0]).startswith(results):
            moment()
sys.addaudithook(hook)
execute = Session.execute
Session.execute = lambda self, step: (moment(), execute(self, step), moment())
backtest(strategy, lake, results=results, settings=Settings(force=force))
print(count)
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crash") / "lake"
    make_sample_lake(Lake(folder))
    return folder


@pytest.fixture(scope="module")
def expected(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return backtest(sample_strategy(), lake, results=tmp_path_factory.mktemp("expected")).manifest.outputs


def child(lake: Path, results: Path, last: int = 0, force: bool = False) -> subprocess.CompletedProcess[str]:
    options = [str(lake), str(sample_strategy()), str(results), str(last), "force" if force else ""]
    return subprocess.run([sys.executable, "-c", CHILD, *options], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def moments(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many moments a whole run has: beginnings and ends of stages, and touches of the results folder."""
    done = child(lake, tmp_path_factory.mktemp("whole"))
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def whole(results: Path, expected: dict[str, str]) -> None:
    """Whatever can be seen is complete and right."""
    for path in list_runs(results):
        assert Run(path).manifest.outputs == expected
        assert {link.state for link in chain(path)} == {"as recorded"}
    if (results / "catalog.duckdb").exists():
        with duckdb.connect(results / "catalog.duckdb", read_only=True) as connection:
            connection.execute("select count(*) from trades").fetchall()


@pytest.mark.parametrize("part", range(16))
def test_killed_at_any_stage(part: int, moments: int, lake: Path, expected: dict[str, str], tmp_path: Path) -> None:
    last = max(1, round(moments * (part + 1) / 16)) if part < 12 else moments - (15 - part)  # more of the end
    assert child(lake, tmp_path, last).returncode == -signal.SIGKILL
    whole(tmp_path, expected)
    run = backtest(sample_strategy(), lake, results=tmp_path)
    assert run.manifest.outputs == expected
    backtest(sample_strategy(), lake, results=tmp_path, settings=duckbt.Settings(force=True))
    assert [p.name for p in (tmp_path / ".staging").iterdir()] == []
    whole(tmp_path, expected)


def test_killed_while_replacing_a_run(lake: Path, expected: dict[str, str], tmp_path: Path) -> None:
    """At every moment around the exchange the old run or the new one is there, or comes back with the next run."""
    backtest(sample_strategy(), lake, results=tmp_path)
    total = int(child(lake, tmp_path, force=True).stdout)
    for last in range(total - 14, total + 1):
        assert child(lake, tmp_path, last, force=True).returncode == -signal.SIGKILL, last
        with staging(tmp_path):  # as any next run begins
            pass
        assert len(list_runs(tmp_path)) == 1, last
        whole(tmp_path, expected)


@pytest.mark.parametrize("force", [False, True])
def test_the_same_run_several_times_at_once(force: bool, lake: Path, expected: dict[str, str], tmp_path: Path) -> None:
    options = [str(lake), str(sample_strategy()), str(tmp_path), "0", "force" if force else ""]
    children = [
        subprocess.Popen([sys.executable, "-c", CHILD, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for process in children:
        _, err = process.communicate()
        assert process.returncode == 0, err
    assert len(list_runs(tmp_path)) == 1
    whole(tmp_path, expected)
    assert list((tmp_path / ".staging").iterdir()) == []


@pytest.mark.parametrize("read_only", [True, False])
def test_a_catalog_that_another_process_holds_open(
    read_only: bool, lake: Path, expected: dict[str, str], tmp_path: Path
) -> None:
    backtest(sample_strategy(), lake, symbols=["EURSYN"], results=tmp_path)
    catalog = tmp_path / "catalog.duckdb"
    code = (
        f"import duckdb, sys; c = duckdb.connect({str(catalog)!r}, read_only={read_only})\n"
        "print(c.execute('select count(distinct run_id) from trades').fetchall()[0][0], flush=True); sys.stdin.readline()\n"
        "print(c.execute('select count(distinct run_id) from trades').fetchall()[0][0])"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "1\n"
    run = backtest(sample_strategy(), lake, results=tmp_path)
    assert run.manifest.outputs == expected
    out, err = holder.communicate("\n")
    assert (holder.returncode, out) == (0, "2\n"), err


@pytest.fixture(scope="module")
def long_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bars enough for a run of a few seconds."""
    folder = tmp_path_factory.mktemp("long")
    script = [sys.executable, str(ROOT / "scripts" / "make_bars.py"), "--bars", "2000000"]
    subprocess.run([*script, "--out", str(folder / "big")], check=True)
    register([folder / "big"], Lake(folder / "lake"))
    return folder / "lake"


@pytest.mark.parametrize("at", [1, 30, 60, 90])
def test_ctrl_c_stops_within_a_second(at: int, long_lake: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "duckbt", "backtest", "run", str(sample_strategy()), "--lake", str(long_lake)]
    process = subprocess.Popen(
        [*command, "--results", str(tmp_path), "--progress", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if json.loads(line)["pct"] >= at:
            break
    process.send_signal(signal.SIGINT)
    begin = time.monotonic()
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - begin < 1.0  # the promise, not a measurement
    assert process.returncode == 130
    assert err.splitlines()[-1] == "stopped; nothing was kept"
    assert "Traceback" not in err
    assert list((tmp_path / ".staging").iterdir()) == []
    assert list_runs(tmp_path) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """``small_disk(megabytes)``: a folder on a disk of that size."""
    mounted: list[Path] = []

    def make(megabytes: int) -> Path:
        folder = tmp_path / f"disk{megabytes}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
        if sys.platform != "linux" or os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("a small disk can be made on Linux by root only")
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("megabytes", [1, 4, 16])
def test_a_full_disk(megabytes: int, small_disk: Callable[[int], Path], long_lake: Path) -> None:
    """Full while it spills (16 MB), or already when results are written (1 MB)."""
    results = small_disk(megabytes) / "r"
    command = [sys.executable, "-m", "duckbt", "backtest", "run", str(sample_strategy()), "--lake", str(long_lake)]
    options = ["--results", str(results), "--no-progress", "--memory-limit", "40MB" if megabytes > 1 else "1GB"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 5, done.stderr
    records = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert [r["event"] for r in records] == ["memory_abort"]
    assert records[0].keys() == {"event", "required_mb", "available_mb", "timestamp"}
    assert "Traceback" not in done.stderr
    assert [p for p in results.rglob("*") if p.is_file()] == []
    assert list_runs(results) == []
