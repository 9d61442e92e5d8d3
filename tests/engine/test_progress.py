"""Progress: every stage, every 2 %, always to the end."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import duckbt
from conftest import Called
from duckbt.engine.progress import STEP, Meter, Tick

WEIGHTS = {"first": 1.0, "second": 6.0, "third": 3.0}


def test_ticks_are_at_most_two_percent_apart_and_end_at_a_hundred() -> None:
    ticks: list[Tick] = []
    meter = Meter(WEIGHTS, 1000, ticks.append)
    meter.enter("first")
    meter.enter("second")
    for share in (0.1, 0.11, 0.5, 0.4, 0.9):  # never backwards, whatever DuckDB says
        meter.move("second", share)
    meter.move("first", 1.0)  # late news of a stage that is over
    meter.enter("third")
    meter.finish()
    shares = [t.share for t in ticks]
    assert shares == sorted(shares)
    assert max(b - a for a, b in itertools.pairwise(shares)) <= STEP + 1e-12
    assert (ticks[0].share, ticks[-1].share, ticks[-1].stage) == (0.0, 1.0, "done")
    assert [t.stage for t in ticks if t.stage_share == 0.0] == ["first", "second", "third"]
    assert meter.emissions == len(ticks)
    assert next(t.share for t in ticks if t.stage == "third") == pytest.approx(0.7)


def test_time_left_and_rows_per_second_follow_from_share_and_time() -> None:
    ticks: list[Tick] = []
    meter = Meter(WEIGHTS, 1000, ticks.append)
    for stage in WEIGHTS:
        meter.enter(stage)
    meter.finish()
    assert ticks[0].eta is None
    for tick in ticks[1:]:
        assert tick.eta == pytest.approx(tick.seconds * (1 - tick.share) / tick.share)
        assert tick.rows_per_second == pytest.approx(1000 * tick.share / tick.seconds)


def test_silence_is_broken_even_when_nothing_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks: list[Tick] = []
    meter = Meter(WEIGHTS, 1000, ticks.append)
    meter.enter("first")
    monkeypatch.setattr("duckbt.engine.progress.LONGEST_SILENCE", -1.0)
    meter.move("first", 0.0)
    assert [t.share for t in ticks] == [0.0, 0.0]


def test_threads_may_tell_at_once() -> None:
    ticks: list[Tick] = []
    meter = Meter({str(i): 1.0 for i in range(50)}, 1, ticks.append)

    def tell() -> None:
        for i in range(50):
            meter.enter(str(i))
            meter.move(str(i), 0.5)

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    meter.finish()
    shares = [t.share for t in ticks]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from duckbt.lake.sample import make_sample_lake

    folder = tmp_path_factory.mktemp("progress")
    make_sample_lake(duckbt.Lake(folder / "lake"))
    return folder / "lake"


def test_json_lines(lake: Path, tmp_path: Path, duckcli: Callable[..., Called]) -> None:
    called = duckcli("backtest", "run", "--lake", lake, "--results", tmp_path, "--json", "--progress", "json")
    lines = [json.loads(line) for line in called.err.splitlines()]
    assert {line["event"] for line in lines} == {"progress"}
    shares = [line["pct"] for line in lines]
    assert shares == sorted(shares)
    assert max(b - a for a, b in itertools.pairwise(shares)) <= 2.01
    assert shares[-1] == 100
    assert "30_signals/scan" in {line["stage"] for line in lines}
    assert lines[-1]["eta_sec"] == 0
    report = json.loads((Path(called.json["path"]) / "report.json").read_text())
    assert report["progress_emission_count"] == len(lines)
    assert 0 <= report["progress_overhead_pct"] < 100


def test_lines_in_a_pipe_and_silence(lake: Path, tmp_path: Path, duckcli: Callable[..., Called]) -> None:
    base = ("backtest", "run", "--lake", lake, "--results", tmp_path, "--force")
    lines = duckcli(*base).err.splitlines()
    assert lines[-1].startswith("100.0 %  done")
    assert any("30_signals/scan" in line and "rows/s" in line for line in lines)
    for options in (["--no-progress"], ["--progress", "none"], ["--json"]):
        assert duckcli(*base, *options).err == "", options
    run = duckbt.Run.find(str(next((tmp_path / "runs").iterdir())))
    assert run.performance.progress_emission_count == 0


def test_a_bar_on_a_terminal(lake: Path, tmp_path: Path) -> None:
    pty = pytest.importorskip("pty", reason="this system has no pseudo terminals")
    import os

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "duckbt", "backtest", "run", "--lake", str(lake), "--results", str(tmp_path)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs, env=os.environ | {"TERM": "xterm"})
    os.close(theirs)
    seen = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        seen += part
    assert child.wait() == 0
    os.close(ours)
    assert b"rows/s" in seen
    assert "━".encode() in seen
    assert b"100 %" in seen


def test_an_unknown_style_is_refused(lake: Path, duckcli: Callable[..., Called]) -> None:
    called = duckcli("backtest", "run", "--lake", lake, "--progress", "loud")
    assert called.code == 2
    assert "loud" in called.err
