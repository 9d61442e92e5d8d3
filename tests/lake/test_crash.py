"""Crashes and readers: a killed ingest leaves every dataset as it was or new; whoever reads is never disturbed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest

from duckbt.lake.catalog import CATALOG
from duckbt.lake.ingest import Options, ingest
from duckbt.lake.store import Dataset, Lake
from lake.conftest import HEADER, bar_lines, prices

CHILD = """
import os, signal, sys
from duckbt.lake.ingest import Options, ingest
from duckbt.lake.store import Lake
lake, files, last = sys.argv[1], sys.argv[2], int(sys.argv[3])
count = 0
def hook(event, args):
    global count
    changes = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree")
    if event in changes and str(args[0]).startswith(lake):
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
ingest([files], Lake(lake), Options(prefer="new"))
print(count)
"""
D = "2024-01-02 "
OLD = {"A": [("03:00", 1.0), ("03:01", 2.0)], "B": [("03:00", 5.0)]}
NEW = {"A": [("03:00", 1.0), ("03:01", 9.0), ("03:02", 3.0)], "B": [("03:00", 5.0), ("03:01", 6.0)], "C": [("03:00", 7.0)]}


def write(folder: Path, content: dict[str, list[tuple[str, float]]]) -> Path:
    folder.mkdir()
    for symbol, rows in content.items():
        (folder / f"{symbol}_M1.csv").write_text(HEADER + bar_lines([(D + time, price) for time, price in rows]))
    return folder


def child(lake: Path, files: Path, last: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", CHILD, str(lake), str(files), str(last)], capture_output=True, text=True)


@pytest.fixture(scope="module")
def touches(tmp_path_factory: pytest.TempPathFactory) -> int:
    """How often an ingest that is not killed opens, makes, renames or removes something in the lake."""
    folder = tmp_path_factory.mktemp("whole")
    ingest([write(folder / "old", OLD)], Lake(folder / "lake"))
    done = child(folder / "lake", write(folder / "new", NEW), 0)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize("part", range(14))
def test_a_killed_ingest_leaves_every_dataset_as_it_was_or_new(part: int, touches: int, tmp_path: Path) -> None:
    """Killed at fourteen moments from the first to the last, with more of them near the end, where datasets switch over."""
    last = touches - round((touches - 1) * (1 - part / 13) ** 2)
    root = tmp_path / "lake"
    lake = Lake(root)
    ingest([write(tmp_path / "old", OLD)], lake)
    files = write(tmp_path / "new", NEW)
    assert child(root, files, last).returncode == -signal.SIGKILL
    for dataset in lake.datasets():
        dataset.check_files(thoroughly=True)
        found = prices(lake, dataset.symbol)
        assert found in (OLD.get(dataset.symbol), NEW[dataset.symbol])
        assert dataset.manifest.rows == len(found)
        audit = duckdb.execute("select count(*) from read_parquet(?)", [str(dataset.folder / str(dataset.manifest.audit))])
        assert audit.fetchall()
    assert set(OLD) <= set(lake.symbols())
    with duckdb.connect(str(root / CATALOG), read_only=True) as catalog:  # of the old bars or of the new
        assert catalog.execute("select count(*) from bars union all select count(*) from audit").fetchall()
    ingest([files], lake, Options(prefer="new"))
    assert {s: prices(lake, s) for s in lake.symbols()} == NEW
    assert not list(root.glob(".staging-*"))


def test_readers_are_not_disturbed_while_a_dataset_is_rewritten(tmp_path: Path) -> None:
    """A reader takes the manifest, and then reads its files, again and again, while bars are put in between the bars."""
    lake = Lake(tmp_path / "lake")
    rows = [(f"{i // 60:02d}:{i % 60:02d}", 1.0) for i in range(0, 600, 20)]
    ingest([write(tmp_path / "start", {"A": rows})], lake)
    stop, problems, reads = threading.Event(), [], 0

    def read() -> None:
        nonlocal reads
        with duckdb.connect() as connection:
            while not stop.is_set():
                try:
                    held = Dataset(lake.root / "A" / "1m")
                    files = [str(held.path(f)) for f in held.manifest.files]
                    counts = [
                        connection.execute("select count(*) from read_parquet(?)", [files]).fetchall() for _ in range(3)
                    ]
                    if any(count != [(held.manifest.rows,)] for count in counts):
                        problems.append(f"{counts} of {held.manifest.rows}")
                    reads += 1
                except Exception as error:
                    problems.append(repr(error))

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(1, 13):
        ingest(
            [write(tmp_path / f"more{i}", {"A": [(f"{m // 60:02d}:{m % 60:02d}", 1.0) for m in range(i, 600, 20)]})], lake
        )
    stop.set()
    reader.join()
    assert problems == []
    assert reads > 5
    assert len(prices(lake, "A")) == 30 * 13


def test_two_writers_wait_for_each_other(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    files = [
        write(tmp_path / f"w{i}", {f"S{i}": [("03:00", 1.0), ("03:01", 2.0)], "BOTH": [(f"03:0{i}", i + 1.0)]})
        for i in range(3)
    ]
    children = [
        subprocess.Popen([sys.executable, "-c", CHILD, str(lake), str(f), "0"], stdout=subprocess.PIPE, env=os.environ)
        for f in files
    ]
    assert [c.wait() for c in children] == [0, 0, 0]
    for c in children:
        assert c.stdout is not None
        c.stdout.close()
    assert prices(Lake(lake), "BOTH") == [("03:00", 1.0), ("03:01", 2.0), ("03:02", 3.0)]
