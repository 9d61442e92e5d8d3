"""Who runs the tasks of an experiment: this process, or a Ray cluster. Either way a task's part is a file that is whole."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Protocol

from duckbt.engine.progress import Tick
from duckbt.errors import DuckbtError
from duckbt.experiments.task import Task, run_task, write_part
from duckbt.results.prepared import Settings


@dataclass(frozen=True)
class Report:
    """How far a task is. ``share`` of the task 0..1; ``of`` tasks in all; status running, done, failed or kept."""

    number: int
    of: int
    sets: int
    status: str
    share: float
    seconds: float
    error: str | None = None

    def row(self) -> dict[str, Any]:
        """For the manifest."""
        values = asdict(self)
        return {k: values[k] for k in ("number", "sets", "status", "seconds", "error")}


Listener = Callable[[Report], None]


class Runner(Protocol):
    """Runs tasks; their parts land in ``work``."""

    def task_size(self, sets: int) -> int:
        """Sets per task."""

    def run(self, tasks: Sequence[Task], work: Path, settings: Settings, listener: Listener | None) -> list[Report]:
        """Run what has no part yet. Returns one closing report per task, in order."""


def has_part(work: Path, task: Task) -> bool:
    """Whether a task was finished before."""
    return all((work / name).is_file() for name in task.parts.values())


class LocalRunner:
    """Tasks one after the other in this process; DuckDB's threads and array kernels use the cores inside a task."""

    def __init__(self, sets_a_task: int = 1_000) -> None:
        self._size = sets_a_task

    def task_size(self, sets: int) -> int:
        """As large as the engine likes: one scan serves all."""
        return self._size

    def run(self, tasks: Sequence[Task], work: Path, settings: Settings, listener: Listener | None) -> list[Report]:
        """In order. Raises only KeyboardInterrupt; what a task raises is in its report."""
        closing = []
        for task in tasks:
            begin = time.perf_counter()

            def tell(status: str, share: float, error: str | None = None, task: Task = task, begin: float = begin) -> Report:
                seconds = round(time.perf_counter() - begin, 3)
                report = Report(task.number, len(tasks), len(task.sets), status, share, seconds, error)
                if listener:
                    listener(report)
                return report

            if has_part(work, task):
                closing.append(tell("kept", 1.0))
                continue
            scratch = Path(mkdtemp(dir=work, prefix="scratch-"))

            def tick(moment: Tick, tell: Callable[..., Report] = tell) -> None:
                tell("running", moment.share)

            try:
                outcome = run_task(task, scratch, settings, tick if listener else None)
                write_part(outcome, work, task)
            except DuckbtError as error:
                closing.append(tell("failed", 1.0, str(error)))
            else:
                closing.append(tell("done", 1.0))
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        return closing
