"""Tasks on a Ray cluster. A task is a pure function of its inputs, so a worker that dies costs a retry and nothing else."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from duckbt.errors import DuckbtError, UsageError
from duckbt.experiments.runners import Listener, Report, has_part
from duckbt.experiments.store import Store, local_lake
from duckbt.experiments.task import Task, run_task, write_part
from duckbt.results.prepared import Settings

RETRIES = 3


class RayRunner:
    """``address``: of the cluster (None: a small one on this machine). ``store``: shared folder or ``s3://bucket/path``.

    Without a store the parts go to the work folder, which all nodes must see.
    """

    def __init__(self, address: str | None = None, store: str | None = None, sets_a_task: int = 50) -> None:
        self.address, self.store, self._size = address, store, sets_a_task

    def task_size(self, sets: int) -> int:
        """Small enough that every worker gets some."""
        return max(1, min(self._size, sets))

    def run(self, tasks: Sequence[Task], work: Path, settings: Settings, listener: Listener | None) -> list[Report]:
        """Run what has no part yet, on whatever workers there are; parts are brought to ``work`` as they come."""
        try:
            import ray
        except ImportError:
            raise UsageError("--runner ray needs an extra: pip install 'duckbt[ray]'") from None
        if not ray.is_initialized():
            keys = {k: v for k, v in os.environ.items() if k.startswith("AWS_")}  # workers need them to reach the store
            ray.init(address=self.address, log_to_driver=False, runtime_env={"env_vars": keys} if keys else None)
        # a folder of its own for every sweep, whose name is made of all that decides its result
        store = Store(f"{self.store.rstrip('/')}/{work.name.removeprefix('.work-')}" if self.store else str(work))
        remote = ray.remote(num_cpus=1, max_retries=RETRIES)(work_on)
        closing: dict[int, Report] = {}
        waiting: dict[Any, tuple[Task, float]] = {}
        for task in tasks:
            if has_part(work, task) or store.fetch(task.parts.values(), work):
                closing[task.number] = Report(task.number, len(tasks), len(task.sets), "kept", 1.0, 0.0)
            else:
                waiting[remote.remote(task, store.uri, replace(settings, threads=settings.threads or 1))] = (
                    task,
                    time.perf_counter(),
                )
        while waiting:
            (ready,), _ = ray.wait(list(waiting), num_returns=1)
            task, begin = waiting.pop(ready)
            try:
                error = ray.get(ready)
                if error is None and not store.fetch(task.parts.values(), work):
                    error = f"the part of task {task.number} is not in {store.uri}; is it shared by all nodes?"
            except ray.exceptions.RayError as failure:
                error = f"given up after {RETRIES} retries: {type(failure).__name__}"
            status = "failed" if error else "done"
            report = Report(
                task.number, len(tasks), len(task.sets), status, 1.0, round(time.perf_counter() - begin, 3), error
            )
            closing[task.number] = report
            if listener:
                listener(report)
        return [closing[t.number] for t in tasks]


def work_on(task: Task, store: str, settings: Settings) -> str | None:
    """Run one task on a worker and leave its parts in the store. Returns what went wrong, or None."""
    scratch = Path(mkdtemp(prefix="duckbt-task-"))
    try:
        lake = local_lake(task.lake, task.symbols)
        write_part(run_task(replace(task, lake=str(lake)), scratch, settings), scratch, task)
        Store(store).put([scratch / name for name in task.parts.values()])
    except DuckbtError as error:
        return str(error)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return None
