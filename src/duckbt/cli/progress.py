"""Progress of a run on stderr: a bar on a terminal, lines in a pipe, JSON lines for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from duckbt.cli.options import Style
from duckbt.cli.show import err
from duckbt.engine.progress import Listener, Tick


@contextmanager
def progress_of_run(style: Style, silent: bool, machine: bool) -> Iterator[Listener | None]:
    """A listener for a run, or None. ``machine``: stdout is JSON, so that nothing is shown unless it was asked for."""
    if silent or style == Style.none or (style == Style.auto and machine):
        yield None
    elif style == Style.json:
        yield _json_line
    elif style == Style.plain or (style == Style.auto and not err.is_terminal):
        yield _plain_line
    else:
        with _bar() as listener:
            yield listener


def _json_line(tick: Tick) -> None:
    record = {
        "event": "progress",
        "stage": tick.stage,
        "stage_pct": round(100 * tick.stage_share, 2),
        "pct": round(100 * tick.share, 2),
        "elapsed_sec": round(tick.seconds, 3),
        "eta_sec": None if tick.eta is None else round(tick.eta, 3),
        "rows_per_sec": round(tick.rows_per_second),
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    _write(json.dumps(record))


def _plain_line(tick: Tick) -> None:
    _write(
        f"{100 * tick.share:5.1f} %  {tick.stage:<26} {100 * tick.stage_share:3.0f} %  {tick.seconds:7.1f} s"
        f"  {_left(tick):<12} {tick.rows_per_second:13,.0f} rows/s"
    )


def _left(tick: Tick) -> str:
    return "" if tick.eta is None or tick.share >= 1 else f"{tick.eta:.0f} s left"


def _write(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


@contextmanager
def _bar() -> Iterator[Listener]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description:<26}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn(),
        TextColumn("{task.fields[left]:<12} {task.fields[rate]}"), console=err, transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task("", total=1.0, left="", rate="")

        def listen(tick: Tick) -> None:
            rate = f"{tick.rows_per_second / 1e6:.2f} M rows/s"
            bar.update(task, description=tick.stage, completed=tick.share, left=_left(tick), rate=rate)

        yield listen
