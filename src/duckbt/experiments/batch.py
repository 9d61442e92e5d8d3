"""Batches: a list of simulations in a file, each a full run with its own status and time."""

from __future__ import annotations

import hashlib
import itertools
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from duckbt.engine.progress import Tick
from duckbt.errors import DuckbtError, StrategyError, UsageError
from duckbt.results.folder import is_done, run_path
from duckbt.results.prepared import Settings, prepare
from duckbt.results.run import Run, run_backtest
from duckbt.strategy.model import Parameter

FIGURES = ("trades", "net_pnl", "return_pct", "profit_factor", "sharpe", "max_drawdown")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Entry(_Section):
    """One [[simulation]]; every list of symbols under ``each`` and of values under ``params`` makes several."""

    strategy: str
    name: str | None = None
    lake: str | None = None
    symbols: list[str] = []
    each: list[str] = []
    params: dict[str, Parameter | list[Parameter]] = {}
    first: str | None = Field(default=None, alias="from")
    last: str | None = Field(default=None, alias="to")
    warmup: int = 0


class BatchFile(_Section):
    """A batch file. ``defaults`` are put under every simulation."""

    name: str = "batch"
    defaults: dict[str, Any] = {}
    simulation: list[dict[str, Any]]


@dataclass(frozen=True)
class Planned:
    """One simulation of a batch."""

    name: str
    strategy: Path
    lake: Path
    symbols: tuple[str, ...]
    params: dict[str, Parameter]
    first: str | None
    last: str | None
    warmup: int


@dataclass(frozen=True)
class Progress:
    """What is told about a simulation: running (share 0..1), done, kept or failed."""

    number: int
    of: int
    name: str
    status: str
    share: float
    seconds: float
    error: str | None = None


@dataclass(frozen=True)
class Batch:
    """What a batch came to: one row per simulation, also in ``batch.parquet``."""

    batch_id: str
    path: Path
    rows: list[dict[str, Any]]

    @property
    def failed(self) -> int:
        """Simulations that failed."""
        return sum(r["status"] == "failed" for r in self.rows)


def read_batch(path: Path, lake: Path) -> list[Planned]:
    """The simulations of a batch file; paths in it are relative to it. Raises StrategyError or UsageError."""
    try:
        file = BatchFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        entries = [Entry.model_validate({**file.defaults, **row}) for row in file.simulation]
    except FileNotFoundError:
        raise StrategyError(f"{path}: no such batch file") from None
    except tomllib.TOMLDecodeError as error:
        raise StrategyError(f"{path}: not valid TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(p) for p in first["loc"]) or "file"
        raise StrategyError(f"{path}: {where}: {first['msg'].lower()}, got {first.get('input')!r}") from None
    planned = []
    for entry in entries:
        groups: list[tuple[str, ...]] = [(s,) for s in entry.each] or [tuple(entry.symbols)]
        lists = {k: v if isinstance(v, list) else [v] for k, v in entry.params.items()}
        for group, values in itertools.product(groups, itertools.product(*lists.values())):
            params = dict(zip(lists, values, strict=True))
            varied = [f"{k}={v}" for k, v in params.items() if len(lists[k]) > 1] + (list(group) if entry.each else [])
            name = " ".join([entry.name or Path(entry.strategy).stem, *varied])
            planned.append(
                Planned(name, path.parent / entry.strategy, path.parent / entry.lake if entry.lake else lake, group, params,
                        entry.first, entry.last, entry.warmup)
            )  # fmt: skip
    if not planned:
        raise UsageError(f"{path}: no [[simulation]] in it")
    return planned


def run_batch(
    path: Path | str,
    lake: Path | str = "lake",
    results: Path | str = "results",
    settings: Settings | None = None,
    *,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Batch:
    """Run all simulations of a batch file, one after the other, each as a full run; write ``batch.parquet`` as they end.

    A simulation that fails is recorded with its error and does not stop the others. Runs that are there already are not
    computed again with ``resume`` (a run id says what went into it, so this is safe), else they are made anew.
    """
    path, results = Path(path), Path(results)
    settings = settings or Settings()
    planned = read_batch(path, Path(lake))
    batch_id = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    folder = results / "batches" / batch_id
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "batch.toml").write_bytes(path.read_bytes())
    rows: list[dict[str, Any]] = []
    for number, one in enumerate(planned):
        rows.append(_simulate(number, len(planned), one, results, settings, resume, progress))
        _write(folder, rows)
    return Batch(batch_id, folder, rows)


def _simulate(
    number: int, of: int, one: Planned, results: Path, settings: Settings, resume: bool,
    progress: Callable[[Progress], None] | None,
) -> dict[str, Any]:  # fmt: skip
    begin = time.perf_counter()

    def tell(status: str, share: float, error: str | None = None) -> None:
        if progress:
            progress(Progress(number, of, one.name, status, share, time.perf_counter() - begin, error))

    def tick(moment: Tick) -> None:
        tell("running", moment.share)

    run: Run | None = None
    error: str | None = None
    status = "done"
    try:
        prepared = prepare(one.strategy, one.lake, one.symbols, one.params, one.first, one.last, one.warmup)
        there = is_done(run_path(results, prepared.run_id))
        status = "kept" if there and resume else "done"
        chosen = Settings(settings.threads, settings.memory_limit, force=there and not resume)
        run = run_backtest(prepared, results, chosen, tick if progress else None)
    except (DuckbtError, OSError) as failure:
        status, error = "failed", str(failure)
    seconds = time.perf_counter() - begin
    tell(status, 1.0, error)
    metrics = run.metrics if run else {}
    return {
        "number": number, "name": one.name, "status": status, "seconds": round(seconds, 3),
        "run_id": run.run_id if run else None, "strategy": str(one.strategy), "symbols": ",".join(one.symbols),
        **{name: metrics.get(name) for name in FIGURES}, "error": error,
    }  # fmt: skip


def _write(folder: Path, rows: list[dict[str, Any]]) -> None:
    kinds = {
        "number": pa.int32(), "seconds": pa.float64(), **dict.fromkeys(FIGURES, pa.float64()),
        **dict.fromkeys(("name", "status", "run_id", "strategy", "symbols", "error"), pa.string()),
    }  # fmt: skip
    schema = pa.schema([(name, kinds[name]) for name in rows[0]])
    pq.write_table(pa.Table.from_pylist(rows, schema), folder / ".batch.tmp", compression="zstd")
    (folder / ".batch.tmp").rename(folder / "batch.parquet")
