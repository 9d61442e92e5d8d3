"""Progress of experiments on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from duckbt.cli.show import err
from duckbt.experiments.runners import Report


@contextmanager
def progress_of_tasks(silent: bool) -> Iterator[Callable[[Report], None] | None]:
    """A line per task in a pipe, a bar on a terminal, nothing when ``silent``."""
    if silent:
        yield None
    elif not err.is_terminal:
        yield _line
    else:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        with Progress(
            TextColumn("{task.description:<26}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn(),
            console=err, transient=True,
        ) as bar:  # fmt: skip
            task = bar.add_task("", total=1.0)

            def listen(report: Report) -> None:
                text = f"task {report.number + 1} of {max(report.of, report.number + 1)}, {report.sets:,} sets"
                bar.update(task, description=text, completed=(report.number + report.share) / max(1, report.of))

            yield listen


def _line(report: Report) -> None:
    if report.status == "running":
        return
    error = f": {report.error}" if report.error else ""
    of = max(report.of, report.number + 1)  # tasks that only keep trades come after all others
    sys.stderr.write(
        f"task {report.number + 1} of {of}: {report.sets:,} sets {report.status} in {report.seconds:.1f} s{error}\n"
    )
    sys.stderr.flush()
