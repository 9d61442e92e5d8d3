"""Write the parts of the documentation that follow from the code: the commands, and the table of SQL stages.

python scripts/make_docs.py            # writes docs/commands.md, docs/indicators.md, the table in docs/architecture.md
python scripts/make_docs.py --check    # changes nothing; fails where they are out of date
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from duckbt.cli.app import app
from duckbt.compiler.cards import Card, cards
from duckbt.compiler.library import Library

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = ROOT / "docs" / "commands.md"
INDICATORS = ROOT / "docs" / "indicators.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
BEGIN = "<!-- stages: made from the headers of sql/ by scripts/make_docs.py -->"
END = "<!-- end of stages -->"
STAGES = re.compile(r"[1-8]0_(?!indicators)")


@dataclass(frozen=True)
class Stage:
    """The header of one SQL file."""

    file: Path
    purpose: str
    reads: tuple[str, ...]
    writes: str
    key: str


def _header(file: Path) -> Stage:
    lines = [x for x in file.read_text(encoding="utf-8").splitlines() if not x.startswith("{%")]
    head = lines[: next(i for i, line in enumerate(lines) if not line.startswith("--"))]
    text = " ".join(line[2:].strip() for line in head)
    for pattern, shown in (
        (r"\{%.*?%\}", ""),
        (r"\{\{ 32 \*\* level \}\}", "32^N"),
        (r"\{\{ level \}\}", "N"),
        (r"\{\{ table \}\}", file.name.partition(".")[0]),
        (r"\{\{ '([^']*)' if .*?\}\}", r"\1"),  # said only where it holds; the table says it always
        (r"\{\{.*?\}\}", "…"),
    ):
        text = re.sub(pattern, shown, text)
    found = re.match(
        r"\S+: (?P<purpose>.*?) reads: (?P<reads>.*?)\. writes: (?P<writes>[^.]*)\.(?: key: (?P<key>[^.]*))?", text
    )
    if found is None:
        raise SystemExit(f"{file.relative_to(ROOT)}: its header does not say what it reads and writes")
    reads = tuple(r.strip() for r in re.sub(r"\([^)]*\)", "", found["reads"]).split(",") if r.strip())
    return Stage(file, found["purpose"].strip(), reads, found["writes"], found["key"] or "")


def stages() -> list[Stage]:
    """All stages, room by room, in each room those first that others read."""
    found: list[Stage] = []
    for room in sorted(p for p in (ROOT / "sql").iterdir() if STAGES.match(p.name)):
        waiting = [_header(f) for f in sorted(room.glob("*.sql*"))]
        while waiting:
            made = {s.file: re.sub(r" \(.*", "", s.writes) for s in waiting}
            ready = [s for s in waiting if not any(r == made[o.file] for o in waiting if o is not s for r in s.reads)]
            found.append((ready or waiting)[0])
            waiting.remove(found[-1])
    return found


def stage_table() -> str:
    """The table of docs/architecture.md."""
    lines = ["| stage | what it makes | reads | one row per |", "|---|---|---|---|"]
    for stage in stages():
        path = stage.file.relative_to(ROOT).as_posix()
        name = path.removeprefix("sql/").partition(".")[0]
        purpose = stage.purpose.partition(". ")[0].rstrip(".")
        key = stage.key.partition(" (")[0].partition(";")[0]
        lines.append(f"| [`{name}`](../{path}) | {purpose} | {', '.join(stage.reads)} | {key} |")
    return "\n".join(lines)


def _commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    if hasattr(command, "list_commands"):
        context = typer.Context(command)
        for name in command.list_commands(context):
            yield from _commands(command.get_command(context, name), f"{path} {name}")
    else:
        yield path, command


def _first_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _usage(command: Any) -> str:
    parts = []
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            name = (parameter.metavar or parameter.name).upper().strip("[]")
            name = f"{name}…" if parameter.nargs == -1 else name
            parts.append(name if parameter.required else f"[{name}]")
    return " ".join(["[OPTIONS]", *parts])


def _rows(command: Any) -> Iterator[str]:
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            given = f" `{parameter.default}`" if isinstance(parameter.default, str) else ""
            yield f"| `{(parameter.metavar or parameter.name).upper().strip('[]')}` | {parameter.help or ''} |{given} |"
            continue
        value_name = f" {parameter.metavar}" if parameter.metavar else ""
        names = ", ".join(f"`{o}{value_name}`" for o in (*parameter.opts, *parameter.secondary_opts))
        value = parameter.default if not callable(parameter.default) else None
        shown = "" if value is None or value is False or value == () else f"`{value}`"
        if value is True:
            shown = f"`{parameter.opts[0]}`"
        yield f"| {names} | {_first_line(parameter.help)} | {shown} |"


def commands_page() -> str:
    """The whole of docs/commands.md."""
    root = typer.main.get_command(app)
    lines = [
        "# Commands",
        "",
        "Made by `scripts/make_docs.py` from what `duckcli --help` says.",
        "",
        "`duckcli --version` tells the version; `duckcli --debug …` shows the full trace of an error.",
        "`duckcli --install-completion` completes commands and options in your shell; `--log-level LEVEL` and `--log-json`,",
        "anywhere in a command, log to stderr.",
        "",
        "| | |",
        "|---|---|",
        *(
            f"| [`{path}`](#{path.replace(' ', '-')}) | {_first_line(command.help).partition('. ')[0].rstrip('.')} |"
            for path, command in _commands(root, "duckcli")
        ),
    ]
    for path, command in _commands(root, "duckcli"):
        lines += ["", f"## {path}", "", _first_line(command.help), "", f"```\n{path} {_usage(command)}\n```"]
        rows = [r for r in _rows(command) if "`--help`" not in r]
        if rows:
            lines += ["", "| | | default |", "|---|---|---|", *rows]
    return "\n".join(lines) + "\n"


def indicators_page() -> str:
    """The whole of docs/indicators.md."""
    found: dict[str, list[Card]] = {}
    for card in cards(Library()):
        found.setdefault(card.family, []).append(card)
    lines = [
        "# Indicators",
        "",
        "Made by `scripts/make_docs.py` from the files of `sql/20_indicators`: one file, one indicator, one short SELECT.",
        "Names and the order of parameters follow TA-Lib; [beside TA-Lib](parity.md) compares the values.",
        "`duckcli backtest indicators NAME` shows one with its SQL and a chart. A strategy may have its own in a folder",
        "`indicators/` beside it, in the same form.",
        "",
        "*First bar*: the number of the first bar with a value, counted from 0, known before any data is read; signals",
        "cannot fire before it. *Stable after*: bars until the influence of the start is below 1e-8; *never* where it",
        "shows for ever, or for as long as the data decides. Both are for the parameters shown.",
    ]
    for family, members in sorted(found.items()):
        lines += ["", f"## {family}", "", "| | what it is | outputs | first bar | stable after |", "|---|---|---|--:|--:|"]
        for c in members:
            stable = "never" if c.stable_after is None else f"{c.stable_after:,}"
            outputs = ", ".join(c.outputs) if len(c.outputs) > 1 else ""
            lines.append(f"| [`{c.signature}`](../{c.file}) | {c.title} | {outputs} | {c.first_bar} | {stable} |")
    return "\n".join(lines) + "\n"


def architecture_page() -> str:
    """docs/architecture.md with its table as it should be."""
    text = ARCHITECTURE.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise SystemExit(f"{ARCHITECTURE.name} has lost the marks around its table of stages")
    return text[: text.index(BEGIN)] + f"{BEGIN}\n{stage_table()}\n{END}" + text[text.index(END) + len(END) :]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only say what is out of date")
    check = parser.parse_args().check
    stale = []
    pages = {COMMANDS: commands_page(), INDICATORS: indicators_page(), ARCHITECTURE: architecture_page()}
    for page, text in pages.items():
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            stale.append(page.relative_to(ROOT).as_posix())
            if not check:
                page.write_text(text, encoding="utf-8")
    if check and stale:
        sys.exit(f"out of date: {', '.join(stale)}; run python scripts/make_docs.py")
    print(f"written: {', '.join(stale)}" if stale else "up to date")


if __name__ == "__main__":
    main()
