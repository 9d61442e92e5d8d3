"""The documentation is complete and true: names are all there, generated parts are up to date, what it shows works."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import subprocess
import sys
import tomllib
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import duckdb
import pytest
from pydantic import BaseModel

import duckbt
from conftest import ROOT
from duckbt.strategy.load import parse_strategy
from duckbt.strategy.model import Strategy

DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {p.name: p.read_text(encoding="utf-8") for p in sorted(DOCS.glob("*.md"))}


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


ENVIRONMENT = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def duckcli(line: str, folder: Path) -> str:
    """What a command of a page prints, typed in a folder; SWEEP is the first sweep there, RUN the newest run."""
    for word, found in (("SWEEP", "sweeps/*"), ("RUN", "runs/run_id=*")):
        if word in line.split():
            path = min((folder / "results").glob(found), key=lambda p: p.stat().st_ctime * (1 if word == "SWEEP" else -1))
            line = re.sub(rf"\b{word}\b", path.name.removeprefix("run_id="), line)
    command = shlex.split(line, comments=True)
    assert command[0] == "duckcli"
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{line}\n{done.stderr}"
    return done.stdout


def shown_and_printed(page: str, folder: Path) -> Iterator[tuple[list[str], list[str]]]:
    """Type the commands of a page one after the other; what stands below the last one of a block, and what it printed."""
    for commands, text in re.findall(r"^```bash\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", page, re.MULTILINE | re.DOTALL):
        printed = [duckcli(line, folder) for line in commands.splitlines() if line][-1]
        yield (text.splitlines(), printed.splitlines())


def like(shown: str, printed: str) -> bool:
    """Equal but for white space and what differs from time to time, which is shown as …"""
    pattern = re.escape(" ".join(shown.split())).replace("…", ".*")
    return re.fullmatch(pattern, " ".join(printed.split())) is not None


def assert_printed(shown: list[str], printed: list[str]) -> None:
    waiting = list(printed)
    for line in shown:
        if line == "…":
            continue
        while waiting and not like(line, waiting[0]):
            del waiting[0]
        assert waiting, f"not printed: {line}\n" + "\n".join(printed)
        del waiting[0]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the README's commands have been typed, one after the other."""
    folder = tmp_path_factory.mktemp("readme")
    for shown, printed in shown_and_printed(README, folder):
        assert_printed(shown, printed)
    return folder


def test_the_page_on_experiments_shows_what_is_printed(tmp_path: Path) -> None:
    page = PAGES["experiments.md"]
    sweep, batch = blocks(page, "toml")
    (tmp_path / "monday.toml").write_text(batch)
    compared = 0
    for shown, printed in shown_and_printed(page, tmp_path):
        assert_printed(shown, printed)
        compared += len([line for line in shown if line != "…"])
    assert compared > 20
    (query,) = blocks(page, "sql")
    with duckdb.connect(tmp_path / "results" / "catalog.duckdb", read_only=True) as connection:
        assert len(connection.execute(re.sub("'.*%'", "'%'", query)).fetchall()) == 5
    file = tmp_path / "breakout.toml"
    file.write_text(file.read_text() + sweep)
    assert len(parse_strategy(file.read_text(), file).strategy.sweep) == 4
    assert "1,000 combinations" in duckcli("duckcli backtest sweep breakout.toml --dry-run", tmp_path)


def test_the_commands_of_the_readme_run(workplace: Path) -> None:
    assert len(list((workplace / "results" / "runs").iterdir())) == 3
    assert len(list((workplace / "results" / "sweeps").iterdir())) == 1
    assert (workplace / "bars.parquet").is_file()
    assert (workplace / "run.sql").is_file()


def test_the_strategies_of_the_readme_trade(workplace: Path) -> None:
    (text,) = blocks(README, "toml")
    (workplace / "shown.toml").write_text(text)
    run = duckbt.backtest(workplace / "shown.toml", workplace / "lake", results=workplace / "results")
    assert run.metrics_of("long")["trades"] > 10
    assert run.metrics_of("short")["trades"] > 10


def test_the_python_of_the_readme_runs(workplace: Path) -> None:
    for code in blocks(README, "python"):
        subprocess.run([sys.executable, "-c", code], cwd=workplace, check=True, capture_output=True)


def test_the_queries_of_the_readme_answer(workplace: Path) -> None:
    (queries,) = blocks(README, "sql")
    with duckdb.connect(workplace / "results" / "catalog.duckdb", read_only=True) as connection:
        statements = connection.extract_statements(queries)
        assert len(statements) == 3
        for statement in statements:
            assert connection.execute(statement).fetchall()


def test_both_commands_stand_at_the_top() -> None:
    first = blocks(README, "sh")[0]
    assert README.index("make demo") < 500
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("demo", "test"):
        assert f"make {target} " in first
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_every_duckcli_call_in_the_docs_exists() -> None:
    import typer

    from duckbt.cli.app import GROUPS, app

    root = typer.main.get_command(app)
    context = typer.Context(root)
    known = {}
    for group in GROUPS:
        commands = root.get_command(context, group)
        known[group] = {name: commands.get_command(context, name) for name in commands.list_commands(context)}
    for page, text in {"README.md": README, **PAGES}.items():
        for group, command, rest in re.findall(r"duckcli (data|backtest) ([a-z]+)([^`#\n]*)", text):
            assert command in known[group], f"{page}: duckcli {group} {command}"
            called = known[group][command]
            if hasattr(called, "list_commands"):  # sweep STRATEGY means sweep run STRATEGY
                second = rest.split()[0] if rest.split() else "run"
                called = called.get_command(context, second if second in called.list_commands(context) else "run")
            options = {o for p in called.params for o in (*p.opts, *p.secondary_opts)}
            for option in re.findall(r"(?<=\s)--?[a-z][a-z-]*", rest):
                assert option in options, f"{page}: duckcli {group} {command} {option}"


def test_help_texts_are_shown_as_they_are_written() -> None:
    """Square brackets would be taken for markup and vanish."""
    import typer
    from rich.text import Text

    from duckbt.cli.app import app

    def texts(command: Any) -> Iterator[str]:
        yield from (p.help or "" for p in command.params)
        if hasattr(command, "list_commands"):
            context = typer.Context(command)
            for name in command.list_commands(context):
                yield from texts(command.get_command(context, name))
        else:
            yield command.help or ""

    found = list(texts(typer.main.get_command(app)))
    assert len(found) > 100
    for text in found:
        assert Text.from_markup(text).plain == text


def test_generated_parts_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "make_docs.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_links_lead_somewhere() -> None:
    records = {f"docs/decisions/{p.name}": p.read_text(encoding="utf-8") for p in (DOCS / "decisions").glob("*.md")}
    for page, text in {"README.md": README, **{f"docs/{n}": t for n, t in PAGES.items()}, **records}.items():
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            if "://" not in target:
                assert (ROOT / page).parent.joinpath(target).exists(), f"{page} links to {target}"
        for target, anchor in re.findall(r"\]\(([^)#]*)#([^)]+)\)", text):
            if "://" not in target:
                there = (ROOT / page).parent.joinpath(target) if target else ROOT / page
                headings = re.findall(r"^#+ (.*)", there.read_text(encoding="utf-8"), re.MULTILINE)
                anchors = {re.sub(r"[^\w -]", "", h.lower()).strip().replace(" ", "-") for h in headings}
                assert anchor in anchors, f"{page} links to {target}#{anchor}"
    for page in PAGES:
        assert f"docs/{page}" in README or any(f"({page})" in text for text in PAGES.values()), f"nothing links to {page}"


def test_every_metric_is_explained_and_no_other(workplace: Path) -> None:
    run = duckbt.backtest(workplace / "breakout.toml", workplace / "lake", results=workplace / "results")
    tables = [line for line in PAGES["metrics.md"].splitlines() if line.startswith("| `")]
    explained = [name for line in tables for name in re.findall(r"`([a-z_]+)`", line.split("|")[1])]
    assert sorted(explained) == sorted(run.metrics)


def column(page: str, heading: str) -> list[str]:
    """The first column of the table whose heading begins so."""
    lines = PAGES[page].splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    rows = itertools.takewhile(lambda line: line.startswith("|"), lines[start + 2 :])
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


def said(pattern: str, *files: str) -> set[str]:
    """What a pattern finds in SQL files, template code left out."""
    texts = (re.sub(r"\{[{%].*?[}%]\}", "", (ROOT / "sql" / f).read_text(encoding="utf-8")) for f in files)
    return {name for text in texts for name in re.findall(pattern, text)}


def test_every_exit_reason_is_explained_and_no_other() -> None:
    reasons = said(r"(?:then|else) '([a-z_]+)'", "50_exits/exits.sql.j2", "50_exits/_exit_columns.j2")
    reasons |= said(r"'([a-z_]+)' as reason", "60_trades/legs.sql.j2")
    assert len(reasons) == 9
    assert sorted(column("semantics.md", "`exit_reason`")) == sorted(reasons)


def test_every_status_is_explained_and_no_other() -> None:
    from duckbt.engine.ledger import STATUSES

    files = ("40_entries/fired.sql.j2", "40_entries/candidates.sql.j2", "60_trades/signals.sql.j2")
    statuses = said(r"(?:then|else) '([a-z_]+)'", *files) - {"long", "short"} | set(STATUSES)
    assert len(statuses) == 11
    assert sorted(column("semantics.md", "`status`")) == sorted(statuses)


def test_the_presets_are_those_of_the_table() -> None:
    from duckbt.strategy.rules import OURS, PRESETS

    lines = PAGES["semantics.md"].splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("| switch | default |"))
    heading, _, *rows = [
        [cell.strip(" `") for cell in line.strip("|").split("|")]
        for line in itertools.takewhile(lambda line: line.startswith("|"), lines[start:])
    ]
    shown = {row[0].partition(".")[2]: dict(zip(heading[1:], row[1:], strict=True)) for row in rows}
    assert heading[2:] == list(PRESETS)
    for name, own in OURS.items():
        values = {"default": own} | {peer: {**OURS, **preset}[name] for peer, preset in PRESETS.items()}
        assert shown.pop(name) == {k: str(v).lower() for k, v in values.items()}
    assert not shown


def keys(model: type[BaseModel], prefix: str = "") -> set[str]:
    """Every key of a file: ``exit.breakeven.at``; beside it ``exit.breakeven`` where something simple may stand there."""
    found = set()
    for field_name, field in model.model_fields.items():
        name = prefix + (field.alias or field_name)
        kinds = choices(field.annotation)
        found |= {key for kind in kinds if is_model(kind) for key in keys(kind, f"{name}.")}
        if not all(is_model(kind) for kind in kinds):
            found.add(name)
    return found


def choices(annotation: Any) -> list[Any]:
    """What a field may be, lists by what is in them."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType, tuple):
        return [c for a in inner if a not in (type(None), ...) for c in choices(a)]
    return [annotation]


def is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def section(page: str, heading: str) -> str:
    return PAGES[page].partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_every_key_of_a_strategy_is_explained_and_no_other() -> None:
    explained = re.findall(r"`([a-z_.]+)`", first_cells("Strategy file"))
    assert {"entry.price", "entry.price.limit", "exit.scale_out.at", "costs.spread", "costs.spread.bps"} <= keys(Strategy)
    assert sorted(explained) == sorted(keys(Strategy))


def test_every_key_of_a_batch_is_explained_and_no_other() -> None:
    from duckbt.experiments.batch import BatchFile, Entry

    explained = re.findall(r"`([a-z_.]+)`", first_cells("Batch file"))
    assert sorted(explained) == sorted(keys(BatchFile) | keys(Entry, "simulation."))


def first_cells(heading: str) -> str:
    """The first column of the tables of one section of the contract."""
    return "\n".join(line.split("|")[1] for line in section("contract.md", heading).splitlines() if line.startswith("| `"))


def test_the_views_of_the_catalogs_are_named(workplace: Path) -> None:
    for catalog, heading in (("results/catalog.duckdb", "Catalog"), ("lake/catalog.duckdb", "Lake")):
        with duckdb.connect(workplace / catalog, read_only=True) as connection:
            views = {
                name for (name,) in connection.execute("select view_name from duckdb_views() where not internal").fetchall()
            }
        assert len(views) > 3
        listed = section("contract.md", heading).partition(catalog.partition("/")[2])[2].partition("\n\n")[0]
        assert views <= set(re.findall(r"`([a-z_]+)`", listed)), catalog


def test_the_strategy_of_the_contract_is_one() -> None:
    (text,) = blocks(PAGES["contract.md"], "toml")
    assert parse_strategy(text, Path("contract.toml")).strategy.exit.max_bars == "240"
    assert tomllib.loads(text)["params"]["fast"] == 12


def test_the_columns_of_the_tables_are_named(workplace: Path) -> None:
    run = duckbt.backtest(workplace / "breakout.toml", workplace / "lake", results=workplace / "results")
    for table in ("trades", "equity", "metrics"):
        line = next(x for x in PAGES["contract.md"].splitlines() if x.startswith(f"| `{table}.parquet`"))
        assert ", ".join(run.table(table).columns) in line
    line = next(x for x in PAGES["contract.md"].splitlines() if x.startswith("| `signals.parquet`"))
    assert ", ".join(run.signals.columns[:6]) in line


def test_the_rooms_are_those_of_the_source_in_the_order_of_imports() -> None:
    text = (ROOT / "tests" / "structure" / "test_imports.py").read_text(encoding="utf-8")
    order = re.findall(r'"(\w+)"', re.search(r"^LAYERS = .*$", text, re.MULTILINE)[0])
    (listed,) = [block for block in blocks(PAGES["architecture.md"], "") if block.startswith("src/duckbt/")]
    rooms = re.findall(r"^  (\w+)(?:/|\.py)\s", listed, re.MULTILINE)
    assert rooms == order[::-1]
    inner = {p.name for p in (ROOT / "src" / "duckbt").glob("*/*") if p.is_dir() and p.name != "__pycache__"}
    assert set(re.findall(r"^    (\w+)/", listed, re.MULTILINE)) == inner


def test_the_number_of_indicators_is_right() -> None:
    from duckbt.compiler.cards import cards
    from duckbt.compiler.library import Library

    assert f"all {len(list(cards(Library())))}\n" in README


def test_exit_codes_are_named() -> None:
    from duckbt import errors

    text = PAGES["contract.md"]
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.DuckbtError):
            assert re.search(rf"\b{kind.exit_code} [a-z]", text), kind


def test_nothing_points_at_this_machine() -> None:
    for path in [ROOT / "README.md", *DOCS.glob("*.md"), *(ROOT / "scripts").glob("*.py"), *(ROOT / "src").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        assert "/work/" not in text, path
        assert "/tmp/" not in text, path
