"""One locked-down DuckDB connection, and running a plan on it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb

from duckbt.engine.ledger import run_ledger
from duckbt.engine.plan import Plan
from duckbt.engine.step import Step
from duckbt.errors import DataError, DuckbtError, ResourceError, UsageError
from duckbt.sqlfiles import connect, render

Progress = Callable[[str, float], None]  # step name, share of the whole that is done


class Session:
    """An in-memory DuckDB that may read the given files and write below ``scratch``, and nothing else."""

    def __init__(
        self,
        scratch: Path,
        readable: Iterable[str] = (),
        threads: int | None = None,
        memory_limit: str | None = None,
    ) -> None:
        """Raises UsageError for settings DuckDB refuses."""
        self.connection = connect(":memory:")
        if threads is not None:
            self._set("threads", threads)
        if memory_limit is not None:
            self._set("memory_limit", memory_limit)
        self._set("temp_directory", str(scratch / "spill"))
        self._set("preserve_insertion_order", True)
        self._set("enable_progress_bar", True)
        self._set("enable_progress_bar_print", False)
        self.lock(scratch, readable)
        self.timings: dict[str, float] = {}

    def _set(self, name: str, value: Any) -> None:
        try:
            self.connection.execute(f"set {name} = {_value(value)}")
        except duckdb.Error as error:
            raise UsageError(f"{name.replace('_', '-')} {value}: {str(error).partition('Error: ')[2]}") from None

    def lock(self, scratch: Path, readable: Iterable[str]) -> None:
        """No files but these, no network, no change of settings from here on."""
        self._set("allowed_directories", [str(scratch)])
        self._set("allowed_paths", sorted(set(readable)))
        self._set("enable_external_access", False)
        self._set("lock_configuration", True)

    @property
    def threads(self) -> int:
        """Worker threads of this session."""
        return int(self.rows("select current_setting('threads')")[0][0])

    def rows(self, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with _explained("query"):
            return self.connection.execute(sql, parameters or []).fetchall()

    def relation(self, sql: str) -> duckdb.DuckDBPyRelation:
        """A lazy relation of a query."""
        return self.connection.sql(sql)

    def run(self, plan: Plan, progress: Progress | None = None) -> None:
        """Execute all steps. Raises as ``execute`` does."""
        for number, step in enumerate(plan.steps):
            if progress:
                progress(step.name, number / len(plan.steps))
            self.execute(step)
        if progress:
            progress("done", 1.0)

    def execute(self, step: Step) -> None:
        """Execute one step, side by side on several cursors where it allows; ``timings`` gets its seconds.

        Raises ResourceError when memory or disk runs out, DataError when a file cannot be read, KeyboardInterrupt
        when stopped, DuckbtError naming the step for anything else.
        """
        with self._timed(step.name), _explained(f"step {step.name}"):
            if step.ledger:
                run_ledger(self.connection, step.ledger)
            elif step.parallel and self.threads > 1:
                self._side_by_side(step)
            else:
                for statement in step.statements:
                    self.connection.execute(statement).fetchall()

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.timings[name] = self.timings.get(name, 0.0) + time.perf_counter() - begin

    def _side_by_side(self, step: Step) -> None:
        work: queue.SimpleQueue[str] = queue.SimpleQueue()
        for statement in step.statements:
            work.put(statement)
        failures: list[BaseException] = []

        def worker(cursor: duckdb.DuckDBPyConnection) -> None:
            while not failures:
                try:
                    statement = work.get_nowait()
                except queue.Empty:
                    return
                try:
                    cursor.execute(statement).fetchall()
                except BaseException as error:
                    failures.append(error)

        cursors = [self.connection.cursor() for _ in range(min(self.threads, len(step.statements)))]
        threads = [threading.Thread(target=worker, args=(c,), daemon=True) for c in cursors]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except BaseException as stopped:
            failures.append(stopped)
            for cursor in cursors:
                cursor.interrupt()
            for thread in threads:
                thread.join()
            raise
        finally:
            for cursor in cursors:
                cursor.close()
        if failures:
            raise failures[0]

    def check(self, names: Iterable[str]) -> None:
        """Run invariant queries; raises DuckbtError with the first offending rows if one returns any."""
        for name in names:
            with self._timed("checks"):
                rows = self.rows(render(f"checks/{name}.sql"))
            if rows:
                raise DuckbtError(f"check {name} found {len(rows)} offending rows, the first: {rows[0]}")

    def close(self) -> None:
        """Release memory and spill files."""
        self.connection.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


@contextmanager
def _explained(where: str) -> Iterator[None]:
    """Turn DuckDB's errors into the ones that users see."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        hint = "a larger --memory-limit, fewer symbols or a shorter range need less at a time"
        raise ResourceError(f"{where}: {str(error).splitlines()[0]}\n{hint}") from error
    except duckdb.IOException as error:
        full = "No space left" in str(error)
        raise (ResourceError if full else DataError)(f"{where}: {str(error).splitlines()[0]}") from error
    except duckdb.Error as error:
        raise DuckbtError(f"{where} failed: {error}") from error
    except RuntimeError as error:  # how DuckDB passes Ctrl-C on
        if "interrupted" not in str(error):
            raise
        raise KeyboardInterrupt from error


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(_value(v) for v in value) + "]"
    return "'" + str(value).replace("'", "''") + "'"
