"""Indicators come from the strategy file alone: nothing in the engine adds one, drops one or changes one."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from conftest import ROOT, strategy
from duckbt.compiler.library import Library
from duckbt.lake.store import Lake
from duckbt.results.run import Run, backtest

SOURCE, SQL = ROOT / "src" / "duckbt", ROOT / "sql"
MODULES = sorted(SOURCE.rglob("*.py"))
ROWS = [(100 + i % 7, 104 + i % 7, 98 + i % 7, 101 + i % 5) for i in range(120)]
INDICATORS = {"zebra": "ema(close, 3)", "apple": "bbands(close, 5)", "mango": "atr(4)"}
ENTRY = {"long": "close > open"}


def library_calls() -> re.Pattern[str]:
    """A call of a library indicator whose name means nothing else in SQL."""
    with duckdb.connect() as connection:
        known = {name for (name,) in connection.execute("select distinct function_name from duckdb_functions()").fetchall()}
    own = [n for n in Library().names() if n not in known]
    assert {"ema", "rsi", "atr", "supertrend"} <= set(own)
    return re.compile(rf"(?<![\w.])({'|'.join(own)})\(")


def code_strings(path: Path) -> list[ast.Constant]:
    """Strings of a module that are no documentation."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and isinstance(node.body[0], ast.Expr)
    }
    return [
        n for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str) and id(n) not in documented
    ]


def writers(attribute: str) -> set[str]:
    """Modules that assign to, delete from or call a changing method of ``x.attribute``."""
    changing = {"append", "extend", "insert", "pop", "remove", "clear", "update", "setdefault", "popitem", "sort", "reverse"}
    found = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            targets: list[ast.expr] = []
            if isinstance(node, ast.Assign | ast.Delete):
                targets = node.targets
            elif isinstance(node, ast.AugAssign | ast.AnnAssign):
                targets = [node.target]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in changing:
                targets = [node.func.value]
            for target in targets:
                inner = target.value if isinstance(target, ast.Subscript) else target
                if isinstance(inner, ast.Attribute) and inner.attr == attribute:
                    found.add(path.relative_to(SOURCE).as_posix())
    return found


def test_only_the_compiler_fills_the_list_of_indicators() -> None:
    """It does so in one place: where it goes through the strategy's declaration."""
    assert writers("indicators") == {"compiler/compile.py"}
    source = (SOURCE / "compiler" / "compile.py").read_text(encoding="utf-8")
    assert source.count(".indicators.append(") == 1
    assert source.count("self.file.strategy.indicators.items()") == 1
    assert writers("indicator_names") == writers("indicator_columns") == set()


def test_no_module_asks_for_an_indicator_by_name() -> None:
    """Messages may show one as an example; they are the only strings that do."""
    call = library_calls()
    examples = {"compiler/syntax.py", "compiler/bind.py", "compiler/forms.py", "compiler/compile.py", "cli/indicators.py"}
    for path in MODULES:
        name = path.relative_to(SOURCE).as_posix()
        for constant in code_strings(path):
            assert name in examples or not call.search(constant.value), f"{name}:{constant.lineno}: {constant.value}"


def test_no_stage_computes_an_indicator() -> None:
    call = library_calls()
    for file in sorted(SQL.rglob("*.sql*")):
        if file.parent.parent.name != "20_indicators":
            lines = file.read_text(encoding="utf-8").splitlines()
            body = "\n".join(line.partition("--")[0] for line in lines)
            assert body.strip(), file
            assert not call.search(body), f"{file.relative_to(SQL)}: {call.search(body)}"


def test_only_the_library_reads_its_folder() -> None:
    named = {p.relative_to(SOURCE).as_posix() for p in MODULES if any("20_indicators" in s.value for s in code_strings(p))}
    assert named == {"compiler/library.py", "sqlfiles.py"}  # the latter knows the folder of SQL files by it


def everything(run: Run) -> str:
    """All that a run leaves, as text: file by file, names of columns included."""
    parts = []
    for file in sorted(p for p in run.path.rglob("*") if p.is_file()):
        if file.suffix == ".parquet":
            parts.append(" ".join(pq.read_schema(file).names))
        else:
            parts.append(file.read_text(encoding="utf-8"))
    return "\n".join(parts)


def test_reports_name_what_is_declared_in_order(make_lake: Callable[..., Lake], tmp_path: Path) -> None:
    run = backtest(strategy(indicators=INDICATORS, entry=ENTRY), make_lake(X=ROWS), results=tmp_path)
    assert run.manifest.indicator_names == list(INDICATORS)
    assert run.report_json.get("indicator_names", list(INDICATORS)) == list(INDICATORS)
    own = ["zebra", "apple_upper", "apple_middle", "apple_lower", "mango"]
    assert [c for c in run.signals.columns if c.partition("_")[0] in INDICATORS] == own


@pytest.mark.parametrize("removed", INDICATORS)
def test_removing_one_removes_it_everywhere(removed: str, make_lake: Callable[..., Lake], tmp_path: Path) -> None:
    left = {name: text for name, text in INDICATORS.items() if name != removed}
    lake = make_lake(X=ROWS)
    with_it = everything(backtest(strategy(indicators=INDICATORS, entry=ENTRY), lake, results=tmp_path / "a"))
    without = everything(backtest(strategy(indicators=left, entry=ENTRY), lake, results=tmp_path / "b"))
    assert removed in with_it
    assert removed not in without
    assert all(name in without for name in left)
    with duckdb.connect(tmp_path / "b" / "catalog.duckdb", read_only=True) as connection:
        columns = {c for (c,) in connection.execute("select column_name from duckdb_columns()").fetchall()}
    assert not any(c.partition("_")[0] == removed for c in columns)


def test_a_strategy_without_indicators(make_lake: Callable[..., Lake], tmp_path: Path) -> None:
    run = backtest(strategy(entry=ENTRY, exit={"max_bars": 2}), make_lake(X=ROWS), results=tmp_path)
    assert run.manifest.indicator_names == []
    assert run.signals.columns == ["symbol", "ts", "direction", "status", "reason", "trade_id"]
    assert run.metrics["trades"] > 10
    assert json.loads((run.path / "report.json").read_text(encoding="utf-8")).get("indicator_names", []) == []
