"""Printing: tables and figures for people through rich, one JSON document for machines."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

WIDE = 160  # columns when nobody's terminal says how many


def _console(stderr: bool) -> Console:
    made = Console(stderr=stderr, highlight=False, soft_wrap=True)
    return made if made.is_terminal else Console(stderr=stderr, highlight=False, soft_wrap=True, width=WIDE)


out = _console(stderr=False)
err = _console(stderr=True)


def print_json(document: Any) -> None:
    """The only thing on stdout in JSON mode. NaN and infinity become null."""
    sys.stdout.write(json.dumps(_clean(document), default=str, ensure_ascii=False, indent=1) + "\n")


def _clean(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(k): _clean(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(v) for v in value]
    return value


def figure(value: Any) -> str:
    """A number as people read it."""
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or (value == int(value) and abs(value) < 1e15):
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.2f}"
    return f"{value:.4g}" if abs(value) < 0.01 else f"{value:.4f}".rstrip("0").rstrip(".")


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "", right: bool = True) -> None:
    """Print a table; numbers to the right."""
    made = Table(
        title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold", title_style="bold"
    )
    for number, name in enumerate(columns):
        numeric = right and any(isinstance(r[number], int | float) for r in rows)
        made.add_column(name, justify="right" if numeric else "left", no_wrap=True)
    for row in rows:
        made.add_row(*(figure(v) for v in row))
    out.print(made)


@contextmanager
def progress_bar(wanted: bool) -> Iterator[Callable[[str, float], None] | None]:
    """A progress bar on stderr while a long step runs; plain silence when stderr is no terminal."""
    if not wanted or not err.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description:<34}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn(),
        console=err, transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task("", total=1.0)
        yield lambda name, share: bar.update(task, description=name, completed=share)
