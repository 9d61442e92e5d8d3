"""The same inputs give the same bytes: whatever the threads, the memory, the pieces, the company of other symbols."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT, strategy
from duckbt.engine import scan_steps
from duckbt.lake import numbered
from duckbt.lake.register import register
from duckbt.lake.store import Lake
from duckbt.results.run import Run, Settings, backtest, prepare
from duckbt.strategy.load import StrategyFile

TABLES = ("trades", "signals", "equity", "metrics")
BARS = 250_000
SYSTEM = {
    "indicators": {"fast": "ema(close, 20)", "slow": "ema(close, 50)", "atr14": "atr(14)", "spread": "stddev(close, 30)"},
    "entry": {"long": "crossed_above(fast, slow)", "short": "crossed_below(fast, slow)"},
    "exit": {"stop": "2 * atr14", "target": "3 * atr14", "max_bars": 500, "long": "fast < slow and spread > atr14"},
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Two symbols of three row groups each: enough that several threads really share the work."""
    folder = tmp_path_factory.mktemp("determinism")
    script = [sys.executable, str(ROOT / "scripts" / "make_bars.py"), "--bars", str(BARS), "--symbols", "2"]
    subprocess.run([*script, "--seed", "11", "--out", str(folder / "big")], check=True)
    made = Lake(folder / "lake")
    register([folder / "big"], made)
    return made


@pytest.fixture(scope="module")
def system() -> StrategyFile:
    return strategy(**SYSTEM)


def contents(run: Run) -> dict[str, bytes]:
    return {t: (run.path / f"{t}.parquet").read_bytes() for t in TABLES}


@pytest.fixture(scope="module")
def expected(lake: Lake, system: StrategyFile, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    run = backtest(system, lake, results=tmp_path_factory.mktemp("one"), settings=Settings(threads=1))
    assert run.report_json["trade_count"] > 5000
    return contents(run)


@pytest.mark.parametrize(
    "settings",
    [Settings(threads=1), Settings(threads=2), Settings(threads=4), Settings(threads=2, memory_limit="60MB")],
    ids=lambda s: f"{s.threads} threads {s.memory_limit or ''}".strip(),
)
def test_threads_and_memory_change_no_byte(
    settings: Settings, lake: Lake, system: StrategyFile, expected: dict[str, bytes], tmp_path: Path
) -> None:
    run = backtest(system, lake, results=tmp_path, settings=settings)
    for table, stored in contents(run).items():
        assert stored == expected[table], f"{table} differs"


@pytest.mark.parametrize("piece", [70_000, 230_000])
def test_a_scan_in_pieces_changes_no_byte(
    piece: int,
    lake: Lake,
    system: StrategyFile,
    expected: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scan_steps, "PIECE_BARS", piece)
    prepared = prepare(system, lake)
    scans = next(step for step in prepared.plan.steps if step.name == "30_signals/scan")
    assert len(scans.statements) == 2 * round(BARS / piece)
    assert scans.parallel
    run = backtest(system, lake, results=tmp_path, settings=Settings(threads=2))
    for table, stored in contents(run).items():
        assert stored == expected[table], f"{table} differs"


def test_computing_again_changes_no_byte(
    lake: Lake, system: StrategyFile, expected: dict[str, bytes], tmp_path: Path
) -> None:
    first = backtest(system, lake, results=tmp_path)
    again = backtest(system, lake, results=tmp_path, settings=Settings(force=True))
    assert again.path == first.path
    assert again.fresh
    assert contents(again) == expected
    assert first.manifest.outputs == again.manifest.outputs


def test_a_symbol_trades_alone_as_in_company(lake: Lake, system: StrategyFile, tmp_path: Path) -> None:
    together = backtest(system, lake, results=tmp_path)
    columns = [c for c in together.trades.columns if c not in ("trade_id", "equity_after")]
    for symbol in ("SYN000", "SYN001"):
        alone = backtest(system, lake, symbols=[symbol], results=tmp_path)
        assert alone.run_id != together.run_id
        mine = alone.trades.order("trade_id").project(", ".join(columns)).fetchall()
        theirs = together.trades.filter(f"symbol = '{symbol}'").order("trade_id").project(", ".join(columns)).fetchall()
        assert len(mine) > 2000
        assert mine == theirs


def test_the_run_id_names_what_decides_the_result_and_nothing_else(lake: Lake, tmp_path: Path) -> None:
    base = {**SYSTEM, "params": {"k": 2.0}}
    one = prepare(strategy(**base), lake).run_id
    assert prepare(strategy(**base), Lake(lake.root.resolve())).run_id == one
    assert prepare(strategy(path=tmp_path / "elsewhere.toml", **base), lake).run_id == one
    assert prepare(strategy(**base), lake, params={"k": 2.5}).run_id != one
    assert prepare(strategy(**base), lake, symbols=["SYN000"]).run_id != one
    assert prepare(strategy(**{**base, "exit": {"max_bars": 5}}), lake).run_id != one


def test_pieces_open_only_their_own_files(lake: Lake, system: StrategyFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long files stand alone in a second view, for parts of the bars; everything else reads them as one."""
    monkeypatch.setattr(scan_steps, "PIECE_BARS", 70_000)
    monkeypatch.setattr(numbered, "LONG_FILE", 200_000)
    plan = prepare(system, lake).plan
    views = [step.name for step in plan.steps if step.name.startswith("10_bars/bars")]
    assert views == ["10_bars/bars", "10_bars/bars_apart"]
    scans = next(step for step in plan.steps if step.name == "30_signals/scan")
    assert all("bars_apart" in statement for statement in scans.statements)
    assert sum("bars_apart" in s for step in plan.steps for s in step.statements) == len(scans.statements) + 1


def test_long_files_change_no_byte(
    lake: Lake, system: StrategyFile, expected: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_steps, "PIECE_BARS", 70_000)
    monkeypatch.setattr(numbered, "LONG_FILE", 200_000)
    assert contents(backtest(system, lake, results=tmp_path, settings=Settings(threads=2))) == expected
