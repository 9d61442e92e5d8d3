"""Memory and disk have limits: a run says so beforehand, keeps to them, and leaves nothing when they do not suffice."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import duckbt
from conftest import Called
from duckbt.engine import memory
from duckbt.engine.session import Session
from duckbt.engine.step import Step
from duckbt.errors import ResourceError, UsageError
from duckbt.lake.sample import make_sample_lake
from duckbt.lake.store import Lake

ENDLESS = Step("endless", ("create or replace table t as select sum(i) as s from range(1000000000000) r(i)",))


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("memory") / "lake"
    make_sample_lake(Lake(folder))
    return folder


def aborted(called: Called) -> dict[str, object]:
    """The one record, after a message for people."""
    assert called.code == 5, called.err
    assert called.out == ""
    assert "Traceback" not in called.err
    lines = called.err.splitlines()
    assert lines[0].startswith("error: ")
    records = [json.loads(line) for line in lines if line.startswith("{")]
    assert len(records) == 1
    assert list(records[0]) == ["event", "required_mb", "available_mb", "timestamp"]
    assert records[0]["event"] == "memory_abort"
    return records[0]


def test_too_little_memory_at_the_start(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, duckcli: Callable[..., Called]
) -> None:
    monkeypatch.setenv("DUCKBT_MEMORY_MIN_MB", "50000000")
    record = aborted(duckcli("backtest", "run", "--lake", lake, "--results", tmp_path / "r"))
    assert record["required_mb"] == 50_000_000
    assert 0 < float(str(record["available_mb"])) < 50_000_000
    assert [p for p in (tmp_path / "r").rglob("*") if p.name != ".staging"] == []
    aborted(duckcli("backtest", "run", "--lake", lake, "--results", tmp_path / "r", "--explain"))
    monkeypatch.setenv("DUCKBT_MEMORY_MIN_MB", "much")
    assert duckcli("backtest", "run", "--lake", lake, "--results", tmp_path / "r").code == 2


def test_a_limit_that_is_too_low(lake: Path, tmp_path: Path, duckcli: Callable[..., Called]) -> None:
    record = aborted(
        duckcli("backtest", "run", "--lake", lake, "--results", tmp_path / "r", "--memory-limit", "4MB", "--no-progress")
    )
    assert float(str(record["required_mb"])) > 3.9
    assert float(str(record["available_mb"])) == pytest.approx(4, rel=0.05)
    assert [p for p in (tmp_path / "r").rglob("*") if p.name != ".staging"] == []


def test_memory_beyond_the_limit_stops_what_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB keeps its own limit; here all else takes too much, while a query runs that would take days."""
    monkeypatch.setattr(memory, "BESIDE_ENGINE", 50_000_000)
    taken: list[bytearray] = []

    def take() -> None:
        time.sleep(0.3)
        taken.append(bytearray(150_000_000))
        taken[0][::4096] = b"x" * len(taken[0][::4096])

    with Session(tmp_path, (), 1, "60MB") as session:
        thread = threading.Thread(target=take)
        thread.start()
        begin = time.monotonic()
        with pytest.raises(ResourceError, match="step endless: the process holds") as raised:
            session.execute(ENDLESS)
        assert time.monotonic() - begin < 3.0 + 0.3  # the promise, not a measurement
        thread.join()
        with pytest.raises(ResourceError):  # and nothing more runs
            session.execute(Step("next", ("select 1",)))
    assert raised.value.available_mb == pytest.approx(60, rel=0.01)
    assert raised.value.required_mb is not None
    assert raised.value.required_mb > 200


def test_steps_side_by_side_stop_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "BESIDE_ENGINE", -10_000_000_000)
    with Session(tmp_path, (), 2, "60MB") as session, pytest.raises(ResourceError, match="the process holds"):
        session.execute(Step("endless", (ENDLESS.statements[0], ENDLESS.statements[0].replace(" t ", " u ")), parallel=True))


def test_spill_files_go_with_the_session(tmp_path: Path) -> None:
    big = "create or replace table t as select i, md5(i::varchar) as h from range(1500000) r(i) order by h"
    with Session(tmp_path, (), 1, "60MB") as session:
        session.execute(Step("sort", (big,)))
        assert list((tmp_path / "spill").iterdir())
        assert session.counts["sort"] == 1_500_000
    assert not (tmp_path / "spill").exists() or not list((tmp_path / "spill").iterdir())


def test_the_limit_is_set_when_nothing_is_said(tmp_path: Path) -> None:
    with Session(tmp_path) as session:
        assert session.limit == pytest.approx(memory.available() * memory.SHARE, rel=0.2)
        assert session.rows("select current_setting('temp_directory')") == [(str(tmp_path / "spill"),)]


def test_memory_is_sampled(tmp_path: Path) -> None:
    with Session(tmp_path, (), 1, "1GB") as session:
        before = session.watch.peak
        block = bytearray(80_000_000)
        block[::4096] = b"x" * len(block[::4096])
        time.sleep(0.5)
        assert session.watch.peak - before > 70_000_000
        assert session.watch.cpu < 0.1
        del block


@pytest.mark.parametrize(
    ("text", "size"), [("1GB", 10**9), ("953.6 MiB", 999_922_073), ("512", 512), ("2 KiB", 2048), ("0 bytes", 0)]
)
def test_sizes(text: str, size: int) -> None:
    assert memory.size_of(text) == size


def test_what_duckdb_says_of_a_shortage() -> None:
    text = "Out of Memory Error: failed to allocate data of size 64.0 KiB (57.1 MiB/57.2 MiB used)"
    required, there = memory.shortage(text, 1, 2)
    assert required == pytest.approx((57.1 * 2**20 + 65536) / 1e6)
    assert there == pytest.approx(57.2 * 2**20 / 1e6)
    assert memory.shortage("in other words", 10**6, 2 * 10**6) == (2.0, 1.0)


def test_a_container_s_memory_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    machine = memory.available()
    (tmp_path / "memory.max").write_text("100000000\n")
    (tmp_path / "memory.current").write_text("70000000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 5000000\nx 1\n")
    assert memory.available() == 35_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.available() == pytest.approx(machine, rel=0.2)


def test_a_size_that_is_none(lake: Path, tmp_path: Path, duckcli: Callable[..., Called]) -> None:
    for options in ([], ["--explain"]):
        called = duckcli("backtest", "run", "--lake", lake, "--results", tmp_path, "--memory-limit", "lots", *options)
        assert called.code == 2
        assert "lots" in called.err


def test_explain_shows_stages_rows_memory_time_and_runs_nothing(
    lake: Path, tmp_path: Path, duckcli: Callable[..., Called]
) -> None:
    base = ("backtest", "run", "--lake", lake, "--results", tmp_path / "r", "--explain", "--memory-limit", "1GB")
    called = duckcli(*base, "--json")
    assert called.code == 0
    document = called.json
    assert document["memory_limit_mb"] == 1000
    assert document["expected_memory_mb"] > 100
    assert document["expected_seconds"] == pytest.approx(sum(s["seconds"] for s in document["stages"]))
    shown = duckcli(*base).out
    for stage in document["stages"]:
        assert stage["name"] in shown
    assert "Nothing has run" in shown
    assert not (tmp_path / "r").exists()
    run = duckbt.backtest(duckbt.lake.sample.sample_strategy(), lake, results=tmp_path / "r")
    assert {s["name"] for s in document["stages"]} == set(run.performance.timings) - {"total"}
    assert document["bars"] == run.performance.candle_count
    assert run.performance.estimated_memory_mb == pytest.approx(document["expected_memory_mb"], abs=0.1)


def test_deterministic_runs_have_one_thread(lake: Path, tmp_path: Path) -> None:
    strategy = duckbt.lake.sample.sample_strategy()
    run = duckbt.backtest(strategy, lake, results=tmp_path, settings=duckbt.Settings(deterministic=True))
    assert run.performance.deterministic_mode
    assert run.performance.environment.threads == 1
    assert run.performance.environment.packages["duckdb"].startswith("2.")
    other = duckbt.backtest(strategy, lake, results=tmp_path / "other", settings=duckbt.Settings(threads=2))
    assert not other.performance.deterministic_mode
    assert other.performance.environment.threads == 2
    assert other.manifest.outputs == run.manifest.outputs
    with pytest.raises(UsageError, match="one thread, not 4"):
        duckbt.Settings(deterministic=True, threads=4)


def test_allocations_are_counted_when_asked(lake: Path, tmp_path: Path) -> None:
    strategy = duckbt.lake.sample.sample_strategy()
    plain = duckbt.backtest(strategy, lake, results=tmp_path).performance
    assert (plain.allocation_count_scan, plain.allocation_peak_mb_scan) == (None, None)
    settings = duckbt.Settings(force=True, profile_allocations=True)
    counted = duckbt.backtest(strategy, lake, results=tmp_path, settings=settings).performance
    assert counted.allocation_count_scan is not None
    assert 0 < counted.allocation_count_scan < counted.candle_count / 10
    assert counted.allocation_peak_mb_scan is not None
    assert 0 < counted.allocation_peak_mb_scan < 10


def test_the_count_counts() -> None:
    from duckbt.engine.allocations import counted

    with counted() as found:
        kept = [object() for _ in range(10_000)]
    assert found.count is not None
    assert 10_000 <= found.count < 10_100
    assert len(kept) == 10_000
