"""Imports point one way, and only the rooms meant for it run SQL."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from conftest import ROOT

SOURCE = ROOT / "src" / "duckbt"
MODULES = {
    ".".join(("duckbt", *p.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__"): p
    for p in sorted(SOURCE.rglob("*.py"))
}
# cli → {experiments, report, results} → engine → compiler → {strategy, lake} → errors
LAYERS = ["errors", "sqlfiles", "lake", "strategy", "compiler", "engine", "results", "report", "experiments", "cli"]
RUNS_SQL = {"sqlfiles", "lake", "compiler", "engine", "results", "report", "experiments"}
LONGEST_MODULE = 400
COMING = {"data formats"}  # named in messages, made with the rooms that they show


def layer(module: str) -> int:
    """Rank of a module's room; the package itself (version, lazy names) stands below all."""
    room = module.split(".")[1] if "." in module else ""
    if room in ("", "__main__"):
        return 0 if not room else len(LAYERS)
    assert room in LAYERS, f"{module}: a new room; give it a place in the order"
    return LAYERS.index(room) + 1


def imports(module: str) -> list[tuple[str, bool]]:
    """(module of this package that is imported, whether at the top of the file)."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    top = {id(n) for n in tree.body}
    found = []
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{a.name}" if f"{node.module}.{a.name}" in MODULES else node.module for a in node.names]
        elif isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        found += [(n, id(node) in top) for n in names]
    return found


@pytest.mark.parametrize("module", [m for m in MODULES if m != "duckbt"])
def test_imports_point_down(module: str) -> None:
    for target, _ in imports(module):
        if target.split(".")[0] == "duckbt":
            assert layer(target) <= layer(module), f"{module} imports {target}, which stands above it"


def test_no_import_cycles() -> None:
    graph = {m: {t for t, top in imports(m) if t in MODULES and top and t != m} for m in MODULES}
    while graph:
        leaves = [m for m, targets in graph.items() if not targets & graph.keys()]
        assert leaves, f"these import each other: {sorted(graph)}"
        for leaf in leaves:
            del graph[leaf]


def test_the_package_itself_imports_nothing_heavy() -> None:
    assert [t for t, top in imports("duckbt") if top and t.split(".")[0] not in ("__future__", "typing", "importlib")] == []


@pytest.mark.parametrize("module", MODULES)
def test_only_rooms_meant_for_it_import_duckdb(module: str) -> None:
    room = module.split(".")[1] if "." in module else ""
    if any(target.split(".")[0] in ("duckdb", "_duckdb") for target, _ in imports(module)):
        assert room in RUNS_SQL, f"{module} imports duckdb"


@pytest.mark.parametrize("module", MODULES)
def test_connections_print_nothing(module: str) -> None:
    """DuckDB's own progress bar goes to stdout, where it would spoil ``--json``: only quiet connections are opened."""
    opened = MODULES[module].read_text(encoding="utf-8").count("duckdb.connect(")
    assert opened == (1 if module in ("duckbt.sqlfiles", "duckbt.compiler.syntax") else 0)


@pytest.mark.parametrize("module", [m for m in MODULES if ".cli." in m])
def test_the_command_line_contains_no_sql(module: str) -> None:
    sql = re.compile(
        r"\bselect\b.*\bfrom\b|\bcreate\s+(or\s+replace\s+)?(table|view|macro)\b|read_parquet|\bcopy\s*\(", re.I | re.S
    )
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not sql.search(node.value), f"{module}:{node.lineno}: {node.value[:80]}"


@pytest.mark.parametrize("module", [m for m in MODULES if ".compiler." in m or ".strategy." in m])
def test_compiler_and_strategy_only_parse(module: str) -> None:
    """They may use DuckDB's parser; they never execute anything else."""
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr.startswith("execute"):
            assert isinstance(node.args[0], ast.Constant), f"{module}:{node.lineno} executes composed SQL"
            assert node.args[0].value == "select json_serialize_sql($1)", f"{module}:{node.lineno}"
    if any(target == "duckdb" for target, _ in imports(module)):
        assert module == "duckbt.compiler.syntax", f"{module}: the parser is the only thing of DuckDB that is needed here"


@pytest.mark.parametrize("module", MODULES)
def test_modules_stay_small(module: str) -> None:
    lines = MODULES[module].read_text(encoding="utf-8").count("\n")
    assert lines <= LONGEST_MODULE, f"{module} has {lines} lines; most have fewer than 150"


def test_errors_name_commands_that_exist() -> None:
    """A way out that a message shows must be one."""
    import typer

    from duckbt.cli.app import GROUPS, app

    root = typer.main.get_command(app)
    context = typer.Context(root)
    known = {group: set(root.get_command(context, group).list_commands(context)) for group in GROUPS}
    mentioned = re.compile(r"`duckcli ([a-z]+) ([a-z]+)")
    for module, path in MODULES.items():
        for group, command in mentioned.findall(path.read_text(encoding="utf-8")):
            exists = command in known.get(group, ()) or f"{group} {command}" in COMING
            assert exists, f"{module} tells users to call `duckcli {group} {command}`"


def test_tests_have_distinct_names() -> None:
    """Two test modules of one name hide each other."""
    names = [p.name for p in Path(ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
