"""One locked-down DuckDB connection, and running a plan on it."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb

from duckbt.engine import memory
from duckbt.engine.plan import Plan
from duckbt.engine.progress import Meter
from duckbt.engine.step import Step
from duckbt.engine.watch import Watch
from duckbt.errors import DataError, DuckbtError, ResourceError, UsageError
from duckbt.sqlfiles import connect, quote_name, render

log = logging.getLogger(__name__)
Work = Callable[[duckdb.DuckDBPyConnection], object]


class Session:
    """An in-memory DuckDB that may read the given files and write below ``scratch``, and nothing else.

    ``timings``: seconds of every step; ``rows``: rows of the tables it made. With ``meter`` set, progress is told.
    Memory beyond the limit goes to ``scratch``; where even that does not keep the process within its limit, the
    session stops with a ResourceError.
    """

    def __init__(
        self,
        scratch: Path,
        readable: Iterable[str] = (),
        threads: int | None = None,
        memory_limit: str | None = None,
    ) -> None:
        """Raises UsageError for settings DuckDB refuses, ResourceError when too little memory is free."""
        free = memory.check_minimum()
        self.meter: Meter | None = None
        self.timings: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        self._lock = threading.Lock()
        self.connection = connect(":memory:")
        if threads is not None:
            self._set("threads", threads)
        self._set("memory_limit", memory_limit or f"{int(free * memory.SHARE) // 2**20} MiB")
        self._set("temp_directory", str(scratch / "spill"))
        self._set("preserve_insertion_order", True)
        self._set("enable_progress_bar", True)
        self._set("enable_progress_bar_print", False)
        self.lock(scratch, readable)
        self.threads = int(self.rows("select current_setting('threads')")[0][0])
        self.limit = memory.size_of(self.rows("select current_setting('memory_limit')")[0][0])
        self._stage, self._done, self._of = "", 0, 1
        self._cursors: list[duckdb.DuckDBPyConnection] = [self.connection]
        self._aborted: ResourceError | None = None
        ceiling = memory.resident() + self.limit + memory.BESIDE_ENGINE
        self.watch = Watch(ceiling, self._too_much, self._look)

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

    def rows(self, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._explained("query"):
            return self.connection.execute(sql, parameters or []).fetchall()

    def relation(self, sql: str) -> duckdb.DuckDBPyRelation:
        """A lazy relation of a query."""
        return self.connection.sql(sql)

    def run(self, plan: Plan) -> None:
        """Execute all steps. Raises as ``execute`` does."""
        for step in plan.steps:
            self.execute(step)

    def execute(self, step: Step) -> None:
        """Execute one step, side by side on several cursors where it allows.

        Raises ResourceError when memory or disk runs out, DataError when a file cannot be read, KeyboardInterrupt
        when stopped, DuckbtError naming the step for anything else.
        """
        with self._stage_of(step.name, len(step.statements)), self._explained(f"step {step.name}"):
            if step.ledger:
                from duckbt.engine.bookkeeping import run_ledger  # NumPy takes a tenth of a second, few runs need it

                run_ledger(self.connection, step.ledger)
            elif step.parallel and self.threads > 1:
                self._together([partial(self._statement, step.name, statement) for statement in step.statements])
            else:
                for statement in step.statements:
                    self._statement(step.name, statement, self.connection)
        log.debug("%s: %.3f s, %s rows", step.name, self.timings[step.name], self.counts.get(step.name, "–"))

    def drop(self, tables: Iterable[str]) -> None:
        """Give back the memory of tables."""
        for table in tables:
            self.connection.execute(f"drop table {quote_name(table)}")

    @contextmanager
    def _stage_of(self, name: str, statements: int = 1) -> Iterator[None]:
        if self._aborted:
            raise self._aborted
        self._stage, self._done, self._of = name, 0, max(1, statements)
        if self.meter:
            self.meter.enter(name)
        begin = time.perf_counter()
        yield
        self.timings[name] = self.timings.get(name, 0.0) + time.perf_counter() - begin

    def side_by_side(self, name: str, work: Sequence[Work]) -> None:
        """A stage made of pieces that any cursor may do, at the same time. Raises as ``execute`` does."""
        with self._stage_of(name, len(work)), self._explained(name):
            self._together(work)

    def _statement(self, name: str, statement: str, connection: duckdb.DuckDBPyConnection) -> None:
        """One that makes a table answers with its rows, one that makes a view with nothing."""
        result = connection.execute(statement).fetchall()
        with self._lock:
            self._done += 1
            if len(result) == 1 and len(result[0]) == 1 and isinstance(result[0][0], int):
                self.counts[name] = self.counts.get(name, 0) + result[0][0]

    def _together(self, work: Sequence[Work]) -> None:
        """Do all of ``work`` on as many cursors as there are threads; the first failure stops the others."""
        waiting: queue.SimpleQueue[Work] = queue.SimpleQueue()
        for piece in work:
            waiting.put(piece)
        failures: list[BaseException] = []

        def worker(cursor: duckdb.DuckDBPyConnection) -> None:
            while not failures:
                try:
                    piece = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    piece(cursor)
                except BaseException as error:
                    failures.append(error)

        cursors = [self.connection.cursor() for _ in range(min(self.threads, len(work)))]
        threads = [threading.Thread(target=worker, args=(c,), daemon=True) for c in cursors]
        self._cursors = cursors
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
            self._cursors = [self.connection]
            for cursor in cursors:
                cursor.close()
        if failures:
            raise failures[0]

    def _look(self) -> None:
        """How far the running stage is, by what DuckDB says of its statements; called by the watch."""
        if self.meter:
            stage, done = self._stage, self._done
            running = [max(0.0, c.query_progress()) / 100 for c in self._cursors]
            self.meter.move(stage, min(0.99, (done + sum(running)) / self._of))

    def _too_much(self, used: int) -> None:
        """Stop what runs: memory is beyond the limit and what is allowed beside it; called by the watch."""
        self._aborted = ResourceError(
            f"step {self._stage}: the process holds {used / 1e6:,.0f} MB, though the limit is {self.limit / 1e6:,.0f} MB\n"
            + _HINT,
            required_mb=used / 1e6,
            available_mb=self.limit / 1e6,
        )
        for cursor in self._cursors:
            cursor.interrupt()

    def check(self, names: Iterable[str]) -> None:
        """Run invariant queries; raises DuckbtError with the first offending rows if one returns any."""
        for name in names:
            with self._stage_of("checks"):
                rows = self.rows(render(f"checks/{name}.sql"))
            if rows:
                raise DuckbtError(f"check {name} found {len(rows)} offending rows, the first: {rows[0]}")

    def close(self) -> None:
        """Release memory and spill files."""
        self.watch.stop()
        self.connection.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def _explained(self, where: str) -> Iterator[None]:
        """Turn DuckDB's errors into the ones that users see."""
        try:
            yield
        except duckdb.OutOfMemoryException as error:
            first = str(error).splitlines()[0]
            required, available = memory.shortage(first, self.limit, self.watch.peak)
            raise ResourceError(f"{where}: {first}\n{_HINT}", required, available) from error
        except duckdb.IOException as error:
            full = "No space left" in str(error)
            raise (ResourceError if full else DataError)(f"{where}: {str(error).splitlines()[0]}") from error
        except duckdb.Error as error:
            if self._aborted:
                raise self._aborted from error
            raise DuckbtError(f"{where} failed: {error}") from error
        except RuntimeError as error:  # how DuckDB passes Ctrl-C on
            if "interrupted" not in str(error).lower():
                raise
            raise (self._aborted or KeyboardInterrupt()) from error


_HINT = "a larger --memory-limit, fewer symbols or a shorter range need less at a time"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(_value(v) for v in value) + "]"
    return "'" + str(value).replace("'", "''") + "'"
