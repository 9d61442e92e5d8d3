"""Verify finds what has changed and nothing else; compare tells two runs apart; provenance names every file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

import duckbt
from conftest import Called
from duckbt.errors import DataError
from duckbt.lake.ingest import ingest
from duckbt.lake.store import Lake
from duckbt.results.baseline import verify_against
from duckbt.results.compare import compare_runs
from duckbt.results.provenance import chain
from duckbt.results.run import Run, backtest
from duckbt.results.verify import verify

SYSTEM = """
name = "cross"
timeframe = "1m"
[params]
hold = 5
[indicators]
mean = "sma(close, 3)"
[entry]
long = "crossed_above(close, mean)"
short = "crossed_below(close, mean)"
[exit]
stop = "9"
max_bars = "$hold"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Raw files, a lake made of them, a strategy with an indicator of its own beside it."""
    for number, symbol in enumerate(("AAA", "BBB")):
        lines = ["time,open,high,low,close,volume"]
        for i in range(400):
            price = 100 + (i * (7 + number)) % 13
            lines.append(f"2024-01-02 {i // 60:02d}:{i % 60:02d}:00,{price},{price + 3},{price - 3},{price + i % 3 - 1},1")
        (tmp_path / f"{symbol}_M1.csv").write_text("\n".join([*lines, lines[50]]) + "\n")
    ingest([tmp_path / "*_M1.csv"], Lake(tmp_path / "lake"))
    (tmp_path / "cross.toml").write_text(SYSTEM)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    return backtest(folder / "cross.toml", folder / "lake", params={"hold": 6}, results=folder / "r")


def test_the_report_before_and_after(run: Run) -> None:
    report = run.performance
    assert (report.equivalence_verified, report.equivalence) == (False, None)
    assert (report.duplicate_timestamps_removed, report.candle_count) == (2, 800)
    assert report.duplicate_first_ts == report.duplicate_last_ts
    assert Path(report.manifest_path) == run.path.resolve() / "manifest.json"
    assert verify(run.path).equal
    after = run.performance
    assert after.equivalence_verified
    assert after.equivalence is not None
    assert after.equivalence.tables["trades"] == report.trade_count > 20
    assert after.model_copy(update={"equivalence_verified": False, "equivalence": None}) == report


def test_the_folder_is_enough_to_compute_a_run_again(folder: Path, run: Run) -> None:
    """The strategy file is gone and the results have moved; parameters and selection come from the run folder."""
    (folder / "cross.toml").unlink()
    shutil.move(folder / "r", folder / "elsewhere")
    assert verify(folder / "elsewhere" / "runs" / run.path.name).equal


def test_a_lake_that_was_moved(folder: Path, run: Run) -> None:
    shutil.move(folder / "lake", folder / "new-lake")
    with pytest.raises(DataError, match=r"lake/AAA/1m/.*\.parquet .*: missing"):
        verify(run.path)
    assert not run.performance.equivalence_verified
    assert verify(run.path, folder / "new-lake").equal


def test_every_file_is_in_the_chain(folder: Path, run: Run) -> None:
    links = chain(run.path)
    assert {link.state for link in links} == {"as recorded"}
    kinds = [link.kind for link in links]
    assert [kinds.count(k) for k in ("raw file", "Parquet")] == [2, 2]
    assert {Path(link.path).name for link in links if link.kind == "raw file"} == {"AAA_M1.csv", "BBB_M1.csv"}
    assert {Path(link.path).name for link in links if link.kind == "run"} == {
        p.name for p in run.path.iterdir() if p.name != "report.json"
    }


def test_every_changed_or_missing_file_is_named(folder: Path, run: Run) -> None:
    for link in [link for link in chain(run.path) if link.kind != "raw file"]:
        path = Path(link.path)
        original = path.read_bytes()
        for state in ("changed", "missing"):
            if state == "changed":
                path.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
            else:
                path.unlink()
            with pytest.raises(DataError) as raised:
                verify(run.path)
            assert str(path) in str(raised.value) or path.name == "manifest.json", link
            path.write_bytes(original)
    assert verify(run.path).equal


def test_changed_bars_are_named_at_the_next_run(folder: Path, run: Run) -> None:
    (parquet,) = [link.path for link in chain(run.path) if link.kind == "Parquet" and link.of.startswith("BBB")]
    Path(parquet).write_bytes(Path(parquet).read_bytes() + b"x")
    with pytest.raises(DataError, match=r"BBB.*has changed"):
        backtest(folder / "cross.toml", folder / "lake", results=folder / "r")
    Path(parquet).unlink()
    with pytest.raises(DataError, match=r"BBB.*is missing"):
        backtest(folder / "cross.toml", folder / "lake", results=folder / "r")


def test_a_raw_file_that_went_is_noted_and_needed_no_more(folder: Path, run: Run, duckcli: Callable[..., Called]) -> None:
    (folder / "AAA_M1.csv").unlink()
    (folder / "BBB_M1.csv").write_text("something else")
    called = duckcli("backtest", "verify", run.path, "--no-progress")
    assert called.code == 0, called.err
    assert "AAA_M1.csv (raw file, AAA 1m): missing" in called.err
    assert "BBB_M1.csv (raw file, BBB 1m): changed" in called.err


def test_more_bars_in_the_lake_are_not_the_bars_of_the_run(folder: Path, run: Run) -> None:
    (folder / "AAA_M1_more.csv").write_text(
        "time,open,high,low,close,volume\n2024-01-03 00:00:00,100,101,99,100,1\n2024-01-03 00:01:00,100,101,99,100,1\n"
    )
    ingest([folder / "AAA_M1_more.csv"], Lake(folder / "lake"), duckbt.lake.ingest.Options(symbol="AAA"))
    with pytest.raises(DataError, match="AAA"):
        verify(run.path)


def test_a_result_that_cannot_be_reproduced_is_found(folder: Path, run: Run, duckcli: Callable[..., Called]) -> None:
    """A forged run whose manifest was made to fit: only computing again finds it."""
    trades = run.path / "trades.parquet"
    with duckdb.connect() as connection:
        source = f"read_parquet('{trades}', hive_partitioning = false)"
        connection.execute(f"create table t as select * replace (pnl + 1 as pnl) from {source} where trade_id > 1")
        connection.execute(f"copy t to '{trades}' (format parquet)")
    manifest = json.loads((run.path / "manifest.json").read_text())
    manifest["outputs"]["trades.parquet"] = duckbt.lake.manifest.sha256_of(trades)
    (run.path / "manifest.json").write_text(json.dumps(manifest))
    report = json.loads((run.path / "report.json").read_text())
    report["manifest_sha256"] = duckbt.lake.manifest.sha256_of(run.path / "manifest.json")
    (run.path / "report.json").write_text(json.dumps(report))
    called = duckcli("backtest", "verify", run.path, "--json")
    assert called.code == 1
    assert not called.json["equivalence_verified"]
    rows = report["trade_count"]
    assert called.json["differences"] == [
        f"trades: {rows - 1} rows then, {rows} now; {rows - 1} of the old are gone, {rows} are new"
    ]
    assert not Run(run.path).performance.equivalence_verified


def baseline_of(run: Run, path: Path, change: str = "*", where: str = "true", table: str = "trades") -> Path:
    kind = "(header)" if path.suffix == ".csv" else "(format parquet)"
    with duckdb.connect() as connection:
        connection.execute(f"copy (select {change} from '{run.path / table}.parquet' where {where}) to '{path}' {kind}")
    return path


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_baseline_that_agrees(run: Run, folder: Path, suffix: str) -> None:
    found = verify_against(run.path, baseline_of(run, folder / f"b{suffix}"))
    assert found.equal, found.differences
    assert run.performance.equivalence_verified
    assert run.performance.equivalence is not None
    assert run.performance.equivalence.pnl_tolerance == 1e-9
    assert verify_against(run.path, baseline_of(run, folder / f"s{suffix}", table="signals")).equal


@pytest.mark.parametrize(
    ("change", "where", "words"),
    [
        ("* replace (exit_ts + interval 1 second as exit_ts)", "true", "is only in"),
        ("* replace (pnl + 1e-6 as pnl)", "true", "rows differ"),
        ("* replace (exit_price * (1 + 1e-8) as exit_price)", "trade_id = 3 or true", "rows differ"),
        ("* replace ('x' as exit_reason)", "true", "rows differ"),
        ("* replace (null::double as pnl)", "true", "rows differ"),
        ("*", "trade_id <> 3", "in the run,"),
    ],
)
def test_a_baseline_that_differs(run: Run, folder: Path, change: str, where: str, words: str) -> None:
    found = verify_against(run.path, baseline_of(run, folder / "b.parquet", change, where))
    assert any(words in d for d in found.differences), found.differences
    assert not run.performance.equivalence_verified


def test_a_baseline_with_a_row_twice_differs(run: Run, folder: Path) -> None:
    baseline_of(run, folder / "one.parquet")
    with duckdb.connect() as connection:
        one = f"'{folder / 'one.parquet'}'"
        connection.execute(f"copy (from {one} union all from {one} where trade_id = 1) to '{folder / 'b.parquet'}'")
    assert not verify_against(run.path, folder / "b.parquet").equal


def test_the_tolerance_is_the_one_given(run: Run, folder: Path) -> None:
    file = baseline_of(run, folder / "b.parquet", "* replace (pnl + 1e-6 as pnl)")
    assert verify_against(run.path, file, 1e-5).equal
    assert not verify_against(run.path, file, 1e-7).equal


def test_what_is_no_baseline_is_refused(run: Run, folder: Path, duckcli: Callable[..., Called]) -> None:
    (folder / "x.csv").write_text("a,b\n1,2\n")
    for path, words in (
        (folder / "x.csv", "trades need"),
        (folder / "none.parquet", "no such file"),
        (folder, "no folder with"),
    ):
        called = duckcli("backtest", "verify", run.path, "--baseline", path)
        assert called.code == 4
        assert words in called.err


def test_compare_counts_and_lists(folder: Path, run: Run, duckcli: Callable[..., Called]) -> None:
    other = backtest(folder / "cross.toml", folder / "lake", params={"hold": 3}, results=folder / "r")
    found = compare_runs(run.path, other.path, limit=5)
    assert found.settings == {"param hold": (6, 3)}
    assert found.metrics["avg_bars_held"] == (run.metrics["avg_bars_held"], other.metrics["avg_bars_held"])
    assert found.same_trades + found.changed + found.only_first == run.metrics["trades"]
    assert found.same_trades + found.changed + found.only_second == other.metrics["trades"]
    assert found.changed > 0
    assert found.only_second > 0
    assert len(found.trades) == 5
    called = duckcli("backtest", "compare", run.path, other.path)
    assert called.code == 0
    for word in ("param hold", "avg_bars_held", "exit_ts 2024-01-02", "→", "only in"):
        assert word in called.out
    assert duckcli("backtest", "compare", run.path, other.path, "--json").json["changed"] == found.changed


def test_compare_of_a_run_with_itself(run: Run, duckcli: Callable[..., Called]) -> None:
    found = compare_runs(run.path, run.path)
    assert (found.settings, found.metrics, found.changed, found.only_first, found.only_second) == ({}, {}, 0, 0, 0)
    assert found.same_trades == run.metrics["trades"]
    assert "settings: the same" in duckcli("backtest", "compare", run.path, run.path).out


def test_provenance_is_printed(folder: Path, run: Run, duckcli: Callable[..., Called]) -> None:
    called = duckcli("backtest", "show", run.path, "--provenance", "--json")
    assert called.code == 0
    assert len(called.json["files"]) == len(chain(run.path))
    (run.path / "equity.parquet").write_bytes(b"")
    called = duckcli("backtest", "show", run.path, "--provenance")
    assert called.code == 4
    assert "changed" in called.out
