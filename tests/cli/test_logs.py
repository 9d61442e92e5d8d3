"""Logging: silent unless asked for, lines or JSON on stderr, one logger per module, nothing formatted in vain."""

from __future__ import annotations

import ast
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import ROOT, Called
from duckbt.lake.sample import make_sample_lake
from duckbt.lake.store import Lake

MODULES = sorted((ROOT / "src" / "duckbt").rglob("*.py"))


@pytest.fixture
def run(tmp_path: Path, duckcli: Callable[..., Called]) -> Iterator[Callable[..., Called]]:
    make_sample_lake(Lake(tmp_path / "lake"))
    options = ("--lake", tmp_path / "lake", "--results", tmp_path / "r", "--json", "--force")
    yield lambda *before, after=(): duckcli(*before, "backtest", "run", *options, *after)
    log = logging.getLogger("duckbt")
    log.handlers.clear()
    log.setLevel(logging.NOTSET)
    log.propagate = True


def test_nothing_unless_asked_for(run: Callable[..., Called]) -> None:
    assert run().err == ""


def test_lines(run: Callable[..., Called]) -> None:
    called = run("--log-level", "info")
    assert called.json
    lines = called.err.splitlines()
    assert "INFO    duckbt.results.computing: run " in lines[0]
    assert "over 171" in lines[0] or "bars" in lines[0]
    assert "done in" in lines[-1]
    assert not any("30_signals/scan" in line for line in lines)


def test_json_lines_with_every_stage_and_options_behind_the_command(run: Callable[..., Called]) -> None:
    called = run(after=("--log-json", "--log-level", "debug"))
    records = [json.loads(line) for line in called.err.splitlines()]
    assert {r["event"] for r in records} == {"log"}
    assert all(r.keys() == {"event", "timestamp", "level", "logger", "message"} for r in records)
    stages = [r["message"].partition(":")[0] for r in records if r["logger"] == "duckbt.engine.session"]
    assert stages[:2] == ["10_bars/bars", "10_bars/symbols"]
    assert stages[-1].startswith("write ")


def test_an_unknown_level_is_refused(run: Callable[..., Called]) -> None:
    called = run("--log-level", "loud")
    assert called.code == 2
    assert "debug, info, warning, error" in called.err


def test_one_logger_per_module_named_after_it() -> None:
    found = 0
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = [ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Call) and "getLogger" in ast.unparse(n.func)]
        if path.name == "logs.py":
            continue  # it sets all of them up
        assert calls in ([], ["logging.getLogger(__name__)"]), path
        found += len(calls)
    assert found >= 4


@pytest.mark.parametrize(
    "call", ['log.info(f"run {x}")', 'log.info("run %s" % x)', 'log.info("run {}".format(x))', 'log.info("run " + x)']
)
def test_eager_formatting_is_refused(call: str, tmp_path: Path) -> None:
    """By the linter, with the rules of this project."""
    code = f"import logging\n\nlog = logging.getLogger(__name__)\nx = '1'\n{call}\n"
    command = [sys.executable, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"), "--select", "G", "-"]
    done = subprocess.run(command, input=code, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1, done.stdout
    lazy = code.replace(call, 'log.info("run %s", x)')
    assert subprocess.run(command, input=lazy, capture_output=True, text=True, check=False, cwd=tmp_path).returncode == 0


def test_the_linter_has_the_rules_and_the_code_keeps_them() -> None:
    command = [sys.executable, "-m", "ruff", "check", "--select", "G,LOG", "src"]
    assert subprocess.run(command, capture_output=True, check=False, cwd=ROOT).returncode == 0
    assert '"G", "LOG"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
