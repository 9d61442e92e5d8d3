"""Sweeps as a user meets them: sharing, failures, going on, reading, the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from test_equality import BASE, GRID, VARIANTS
from typer.testing import CliRunner

import duckbt
from conftest import strategy, walk
from duckbt.cli.app import app
from duckbt.errors import DataError, ResourceError, UsageError
from duckbt.experiments import task as task_module
from duckbt.experiments.api import sweep
from duckbt.experiments.reading import Sweep
from duckbt.experiments.runners import LocalRunner
from duckbt.experiments.sweep import plan_sweep, run_sweep, sweep_path
from duckbt.lake.store import Lake
from duckbt.results.prepared import Settings

SMALL = {"n": [2, 3], "k": [1.0, 2.5], "m": [1.0, 3.0], "hold": [4]}


@pytest.fixture
def lake(make_lake: Callable[..., Lake]) -> Lake:
    return make_lake(X=walk(1), Y=walk(2))


def test_what_is_shared(lake: Lake) -> None:
    assert plan_sweep(strategy(**BASE), lake, GRID, symbols="X").shared() == {
        "combinations": 54, "scans": 1, "signal_sets": 3, "levels": 5, "scan_columns": 8,
    }  # fmt: skip


def test_chunks_and_tasks_change_no_byte(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = strategy(**BASE)
    plan = plan_sweep(file, lake, GRID)
    whole = run_sweep(plan, tmp_path / "1", keep_trades="all")
    monkeypatch.setattr(task_module, "CHUNK_BYTES", 700 * 100)
    small = run_sweep(plan, tmp_path / "2", Settings(threads=1), runner=LocalRunner(7), keep_trades="all")
    for name in ("combos.parquet", "trades.parquet"):
        assert (whole / name).read_bytes() == (small / name).read_bytes()


def test_sets_that_do_not_fit_are_halved_and_then_named(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_sweep(strategy(**BASE), lake, SMALL)
    fine = Sweep(run_sweep(plan, tmp_path / "fine")).combos.fetchall()
    real = task_module._run_chunk

    def small(session: Any, context: Any) -> None:
        if len(context.program.combos) > 2 or any(c.combo_id == 3 for c in context.program.combos):
            raise ResourceError("too much")
        real(session, context)

    monkeypatch.setattr(task_module, "_run_chunk", small)
    rows = Sweep(run_sweep(plan, tmp_path / "tight")).combos.fetchall()
    assert [r for r in rows if r[0] != 3] == [r for r in fine if r[0] != 3]
    assert rows[3][-2:] == ("failed", "too much")


def test_one_strategy_that_fails_does_not_stop_the_others(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = task_module.run_task

    def failing(task: Any, *rest: Any) -> Any:
        if task.file.strategy.name == "bad":
            raise DataError("the disk has gone")
        return real(task, *rest)

    monkeypatch.setattr("duckbt.experiments.runners.run_task", failing)
    made = sweep([strategy(**BASE), strategy(**{**BASE, "name": "bad"})], lake, SMALL, results=tmp_path)
    found = made.combos.aggregate("strategy, status, error, count(*)").order("all").fetchall()
    assert found == [("bad", "failed", "the disk has gone", 8), ("test", "done", None, 8)]
    assert made.manifest.failed == 8


def test_going_on(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an attempt finished before it was stopped is not computed again."""
    plan = plan_sweep(strategy(**BASE), lake, SMALL, by_symbol=True)
    ran: list[int] = []
    real = task_module.run_task

    def stopping(task: Any, *rest: Any) -> Any:
        if len(ran) == 1:
            raise KeyboardInterrupt
        ran.append(task.number)
        return real(task, *rest)

    monkeypatch.setattr("duckbt.experiments.runners.run_task", stopping)
    with pytest.raises(KeyboardInterrupt):
        run_sweep(plan, tmp_path)
    monkeypatch.setattr("duckbt.experiments.runners.run_task", lambda t, *r: ran.append(t.number) or real(t, *r))
    done = run_sweep(plan, tmp_path, resume=True)
    assert ran == [0, 1]
    assert not list(done.parent.glob(".work*"))
    assert (done / "combos.parquet").read_bytes() == (run_sweep(plan, tmp_path / "new") / "combos.parquet").read_bytes()


def test_parts_of_tasks_that_were_cut_differently_are_not_mixed_up(lake: Lake, tmp_path: Path) -> None:
    plan = plan_sweep(strategy(**BASE), lake, SMALL, symbols="X")
    work = sweep_path(tmp_path, plan.sweep_id).with_name(f".work-{plan.sweep_id}-all")
    work.mkdir(parents=True)
    LocalRunner(3).run(plan.tasks(3, keep_trades=True), work, Settings(), None)  # an attempt that was stopped at the end
    done = run_sweep(plan, tmp_path, resume=True, keep_trades="all", runner=LocalRunner(5))
    whole = run_sweep(plan, tmp_path / "new", keep_trades="all")
    for name in ("combos.parquet", "trades.parquet"):
        assert (done / name).read_bytes() == (whole / name).read_bytes()


def test_reading(lake: Lake, tmp_path: Path) -> None:
    made = sweep(strategy(**BASE), lake, GRID, results=tmp_path, symbols=["X"], keep_trades="best:2", by="net_pnl")
    found = Sweep.find(made.path.name[:6], tmp_path)
    top = found.top(5, "net_pnl")
    assert [r["net_pnl"] for r in top] == sorted((r["net_pnl"] for r in found.top(99, "net_pnl")), reverse=True)[:5]
    assert found.top(1, "max_drawdown")[0]["max_drawdown"] == found.combos.aggregate("min(max_drawdown)").fetchall()[0][0]
    kept = {r[0] for r in found.trades.project("combo_id").distinct().fetchall()}
    assert kept == {r["combo_id"] for r in top[:2]}
    ups, acrosses, cells = found.pivot("n", "k", "net_pnl")
    assert (ups, acrosses) == ([2, 3, 5], [0.5, 1.0, 2.5])
    best = found.combos.filter("n = 3 and k = 1.0").aggregate("max(net_pnl)").fetchall()[0][0]
    assert cells[1][1] == best
    middle = next(r for r in found.top(99) if (r["n"], r["k"], r["m"], r["hold"]) == (3, 1.0, 1.0, 4))
    near = {(r["n"], r["k"], r["m"], r["hold"]) for r in found.neighbours(middle["combo_id"])[1:]}
    assert near == {(2, 1.0, 1.0, 4), (5, 1.0, 1.0, 4), (3, 0.5, 1.0, 4), (3, 2.5, 1.0, 4), (3, 1.0, 3.0, 4),
                    (3, 1.0, 1.0, 1), (3, 1.0, 1.0, 30)}  # fmt: skip
    run = found.promote(middle["combo_id"], lake, tmp_path)
    assert run.metrics["net_pnl"] == middle["net_pnl"]
    for call in (lambda: found.top(1, "sharp"), lambda: found.row(999)):
        with pytest.raises(UsageError):
            call()
    with pytest.raises(DataError, match="no sweep 'zz'"):
        Sweep.find("zz", tmp_path)


def test_a_parameter_named_like_a_metric(lake: Lake, tmp_path: Path) -> None:
    file = strategy(params={"trades": 3}, entry={"long": "crossed_above(close, sma(close, $trades))"}, exit={"max_bars": 3})
    made = sweep(file, lake, {"trades": [3, 5]}, results=tmp_path)
    assert [r["param_trades"] for r in made.top(2, "trades")] in ([3, 5], [5, 3])
    assert made.parameters(1) == {"trades": 5}


def command(tmp_path: Path, lake: Lake, *arguments: str) -> Any:
    file = tmp_path / "s.toml"
    file.write_text(strategy(**BASE).text)
    where = ["--lake", str(lake.root)] if arguments[0] == "run" or arguments[0].endswith(".toml") else []
    given = [str(file) if a == "s.toml" else a for a in arguments]
    result = CliRunner().invoke(app, ["backtest", "sweep", *given, *where, "--results", str(tmp_path / "r"), "--json"])
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def test_the_command_line(lake: Lake, tmp_path: Path) -> None:
    grid = ["-g", "n=2,3", "-g", "k=0.5..1.5:0.5", "-g", "m=2", "-g", "hold=4"]
    dry = command(tmp_path, lake, "s.toml", *grid, "--dry-run")
    assert (dry["combinations"], dry["scans"], dry["signal_sets"]) == (6, 1, 2)
    made = command(tmp_path, lake, "s.toml", *grid, "--where", "$n < 3 or $k > 0.5", "--top", "2")
    assert (made["combos"], made["failed"], len(made["best"])) == (5, 0, 2)
    sweep_id = made["sweep_id"]
    assert command(tmp_path, lake, "show", sweep_id, "--top", "2")["best"] == made["best"]
    assert command(tmp_path, lake, "show", "--top", "2")["best"] == made["best"]
    assert command(tmp_path, lake, "pivot", sweep_id, "n", "k")["rows"] == {"n": [2, 3]}
    assert command(tmp_path, lake, "neighbours", sweep_id)[0] == made["best"][0]
    promoted = command(tmp_path, lake, "promote", sweep_id, str(made["best"][0]["combo_id"]))
    assert promoted["metrics"]["net_pnl"] == made["best"][0]["net_pnl"]
    refined = command(tmp_path, lake, "s.toml", *grid, "--refine", "2", "--by", "net_pnl")
    assert refined["best"][0]["net_pnl"] >= max(r["net_pnl"] for r in made["best"])
    sampled = command(tmp_path, lake, "s.toml", *grid, "--random", "3", "--seed", "1", "--by", "trades")
    assert sampled["combos"] == 3
    assert command(tmp_path, lake, "pivot", "latest", "n", "k", "--metric", "trades")["metric"] == "trades"
    assert command(tmp_path, lake, "show")["sweep_id"] == sampled["sweep_id"]
    with duckdb.connect(tmp_path / "r" / "catalog.duckdb", read_only=True) as catalog:
        assert (sweep_id, 5, 0) in catalog.execute("select sweep_id, combos, failed from sweeps").fetchall()
        figures = {**made["best"][0], "sweep_id": sweep_id}
        assert catalog.sql("from combos").filter(f"sweep_id = '{sweep_id}'").order("sharpe desc nulls last").limit(1).project(
            "n, k, sharpe, trades").fetchall() == [tuple(figures[c] for c in ("n", "k", "sharpe", "trades"))]  # fmt: skip
        assert catalog.execute("select run_id from runs").fetchall() == [(promoted["run_id"],)]


@pytest.mark.parametrize("option", [["--random", "5"], ["--refine", "1"], ["--dry-run"], ["--keep-trades", "all"]])
def test_options_that_a_search_cannot_follow_are_refused(option: list[str], lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(strategy(**BASE).text)
    arguments = ["backtest", "sweep", str(tmp_path / "s.toml"), "--lake", str(lake.root), "--optuna", "4", *option]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, UsageError)
    assert option[0] in str(result.exception)


def test_from_python(lake: Lake, tmp_path: Path) -> None:
    made = duckbt.sweep(strategy(**{**BASE, **VARIANTS["costs"]}), grid=SMALL, lake=lake, results=tmp_path, symbols="X")
    assert made.combos.aggregate("count(*)").fetchall() == [(8,)]
    assert duckbt.sweep(strategy(**{**BASE, **VARIANTS["costs"]}), grid=SMALL, lake=lake, results=tmp_path,
                        symbols="X").path == made.path  # fmt: skip


def test_search_with_optuna(lake: Lake, tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="the extra duckbt[optuna] is not installed")
    grid = ["-g", "n=2,3,5,8", "-g", "k=0.5..3:0.5", "-g", "m=1,2", "-g", "hold=4"]
    one = command(tmp_path, lake, "s.toml", *grid, "--optuna", "20", "--where", "$n > 2")
    assert 5 < one["combos"] <= 20
    assert all(r["n"] > 2 for r in one["best"])
    assert command(tmp_path, lake, "s.toml", *grid, "--optuna", "20", "--where", "$n > 2")["sweep_id"] == one["sweep_id"]


BATCH = """
name = "mine"
[defaults]
strategy = "s.toml"
[[simulation]]
each = ["X", "Y"]
params = {n = [2, 3]}
[[simulation]]
name = "odd"
symbols = ["NONE"]
[[simulation]]
strategy = "missing.toml"
[[simulation]]
symbols = ["X"]
from = "2024-01-01T02:00"
"""


def test_batches(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(strategy(**BASE).text)
    (tmp_path / "b.toml").write_text(BATCH)
    command = ["backtest", "batch", str(tmp_path / "b.toml"), "--lake", str(lake.root), "--results", str(tmp_path / "r")]
    result = CliRunner().invoke(app, [*command, "--json"])
    assert result.exit_code == 1
    rows = json.loads(result.stdout)["simulations"]
    assert [r["status"] for r in rows] == ["done"] * 4 + ["failed", "failed", "done"]
    assert [r["name"] for r in rows[:5]] == ["s n=2 X", "s n=3 X", "s n=2 Y", "s n=3 Y", "odd"]
    assert "NONE" in rows[4]["error"]
    assert all(r["seconds"] >= 0 and r["run_id"] for r in rows if r["status"] == "done")
    again = json.loads(CliRunner().invoke(app, [*command, "--json", "--resume"]).stdout)["simulations"]
    assert [r["status"] for r in again] == ["kept"] * 4 + ["failed", "failed", "kept"]
    shown = CliRunner().invoke(app, command)
    assert "missing.toml" in shown.output


@pytest.mark.parametrize(("text", "message"), [
    ("[[simulation]]\nstrategie = 's'", "strategie"), ("x = [", "not valid TOML"), ("name = 'a'", "simulation"),
])  # fmt: skip
def test_batch_files_that_are_wrong(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text(text)
    result = CliRunner().invoke(app, ["backtest", "batch", str(tmp_path / "b.toml")])
    assert result.exit_code != 0
    assert message in str(result.exception)
