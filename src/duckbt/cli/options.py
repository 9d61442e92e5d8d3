"""Options that several commands share, and turning their text into values."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from duckbt.errors import UsageError
from duckbt.lake.timeframe import Timeframe


class Style(StrEnum):
    """Ways to show progress."""

    auto = "auto"
    bar = "bar"
    plain = "plain"
    json = "json"
    none = "none"


LakeOption = Annotated[Path, typer.Option("--lake", help="Folder with the bars.")]
RunArgument = Annotated[str, typer.Argument(help="Run id, its beginning, or a run folder; latest is the newest.")]
ResultsOption = Annotated[Path, typer.Option("--results", help="Folder for run results.")]
SymbolsOption = Annotated[
    list[str] | None,
    typer.Option("--symbol", "-s", help="Symbol to trade. May be repeated. Default: all that have the timeframe."),
]
FromOption = Annotated[
    str | None, typer.Option("--from", metavar="DATE", help="First bar, inclusive, UTC: 2024-01-31 or 2024-01-31T08:00.")
]
ToOption = Annotated[str | None, typer.Option("--to", metavar="DATE", help="End of the bars, exclusive, UTC.")]
WarmupOption = Annotated[
    int, typer.Option("--warmup", min=0, help="Bars before --from that indicators (not trades) may use.")
]
ParamsOption = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", metavar="NAME=VALUE", help="Change a parameter: fast=8. May be repeated."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document for machines.")]
ThreadsOption = Annotated[int | None, typer.Option("--threads", min=1, help="Threads to use. Default: all cores.")]
MemoryOption = Annotated[str | None, typer.Option("--memory-limit", help="Memory for the engine, as in 2GB.")]
ProgressOption = Annotated[bool, typer.Option("--progress/--no-progress", help="Show progress on stderr.")]
StyleOption = Annotated[
    Style,
    typer.Option("--progress", help="How to show progress on stderr: a bar, lines, JSON lines; auto: what fits there."),
]
SilentOption = Annotated[bool, typer.Option("--no-progress", help="Show no progress.")]


def pairs(texts: list[str] | None, option: str) -> dict[str, str]:
    """``name=value`` options (also comma-separated for columns) as a dictionary. Raises UsageError."""
    result: dict[str, str] = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"{option} {text}: write NAME=VALUE")
        result[name.strip()] = value.strip()
    return result


def target(path: Path) -> Path:
    """A file to write; its folder must be there. Raises UsageError."""
    if path.is_dir():
        raise UsageError(f"--out {path}: that is a folder; name a file")
    if not path.resolve().parent.is_dir():
        raise UsageError(f"--out {path}: there is no folder {path.parent}; make it first")
    return path


def timeframe(text: str | None) -> Timeframe | None:
    """A timeframe option."""
    return Timeframe(text) if text else None
