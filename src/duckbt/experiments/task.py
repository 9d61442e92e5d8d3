"""The unit of work of an experiment: some parameter sets of one strategy on some symbols, as a pure function.

One scan serves all sets of a task. What follows is done set by set in chunks that fit the memory; results are the same
whatever the chunks, threads and machines.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from duckbt.compiler.program import Combo, Program
from duckbt.engine.arrays.able import unit_costs
from duckbt.engine.arrays.figures import figures
from duckbt.engine.arrays.sets import together
from duckbt.engine.context import Context
from duckbt.engine.plan import bar_plan, own_steps, shared_plan
from duckbt.engine.progress import Listener, Meter
from duckbt.engine.session import Session
from duckbt.errors import DuckbtError, ResourceError
from duckbt.lake.source import BarSource
from duckbt.results.folder import TABLES
from duckbt.results.prepared import Settings, assemble
from duckbt.strategy.load import StrategyFile, parse_strategy
from duckbt.strategy.model import Parameter

log = logging.getLogger(__name__)
BYTES_A_SIGNAL = 700  # that the stages hold per signal and parameter set, measured
CHUNK_BYTES = 1_200_000_000  # of the memory that one chunk may take
ARRAY_BYTES_A_BAR = 64  # that arrays hold, whatever the sets
ARRAY_BYTES_A_SIGNAL = 64  # of every set whose ends are in memory
ARRAY_BYTES_A_TOUCH = 9  # of every level


@dataclass(frozen=True)
class Task:
    """Everything that decides its result. ``sets``: (number, parameters). ``path`` is for messages and indicators."""

    number: int
    path: str
    text: str
    lake: str
    symbols: tuple[str, ...]
    sets: tuple[tuple[int, dict[str, Parameter]], ...]
    first: datetime | None = None
    last: datetime | None = None
    warmup: int = 0
    keep_trades: bool = False

    @property
    def parts(self) -> dict[str, str]:
        """Names of the files its result is left in. They tell which sets are inside, so that a part made when the sets
        were dealt out differently is not taken for this task's."""
        digest = hashlib.sha256(repr(self.sets).encode()).hexdigest()[:8]
        kinds = ("figures", "trades") if self.keep_trades else ("figures",)
        return {kind: f"{kind}-{self.number:05d}-{digest}.parquet" for kind in kinds}

    @property
    def file(self) -> StrategyFile:
        """The strategy, parsed."""
        return parse_strategy(self.text, Path(self.path))


@dataclass(frozen=True)
class Outcome:
    """Rows of figures (``combo_id`` and one column per metric), trades if kept, and an error per set that failed."""

    figures: pa.Table
    trades: pa.Table | None
    failed: dict[int, str]


def run_task(task: Task, scratch: Path, settings: Settings, listener: Listener | None = None) -> Outcome:
    """Run all sets of a task. Raises for what concerns all of them; sets that fail alone are reported."""
    file = task.file
    sets = [parameters for _, parameters in task.sets]
    program, source, selection, _ = assemble(
        file, task.lake, task.symbols, sets, task.first, task.last, task.warmup, keep_indicators=False
    )
    program = replace(program, combos=[replace(c, combo_id=n) for c, (n, _) in zip(program.combos, task.sets, strict=True)])
    context = Context(program, source, file.strategy)
    costs = None if task.keep_trades else unit_costs(context)
    shared = shared_plan(context, selection.first if task.warmup else None, arrays=bool(costs))
    with Session(scratch, source.files, settings.pinned_threads, settings.memory_limit) as session:
        if listener:
            weights = dict.fromkeys((s.name for s in shared.steps), 1.0) | {"sets": 2.0 * len(shared.steps)}
            session.meter = Meter(weights, source.bars, listener)
        session.run(shared)
        session.check(shared.checks)
        if costs:
            if _arrays_fit(session, source, program):
                return Outcome(figures(session, context, costs), None, {})
            staged = bar_plan(context)
            session.run(staged)
            session.check(staged.checks)
        outcome = _in_chunks(session, context, task.keep_trades)
        if session.meter:
            session.meter.finish()
    return outcome


def _arrays_fit(session: Session, source: BarSource, program: Program) -> bool:
    """Whether arrays stay within the memory limit; the stages, which give the same figures, put on disk what does not."""
    (signals,) = session.rows("select coalesce(max(n), 0) from (select count(*) as n from members group by signal_set)")[0]
    (candidates,) = session.rows("select count(*) from candidates")[0]
    walking = min(len(program.combos), 3 * together(session.threads)) * signals * ARRAY_BYTES_A_SIGNAL
    touches = len(program.levels) * candidates * ARRAY_BYTES_A_TOUCH
    return bool(source.bars * ARRAY_BYTES_A_BAR + walking + touches < session.limit)


def _in_chunks(session: Session, context: Context, keep_trades: bool) -> Outcome:
    program = context.program
    figures: list[pa.Table] = []
    trades: list[pa.Table] = []
    failed: dict[int, str] = {}
    done = 0
    for combos in _chunks(session, program):
        waiting = [combos]
        while waiting:
            some = waiting.pop(0)
            try:
                _run_chunk(session, replace(context, program=program.only(some)))
            except ResourceError as error:
                if len(some) == 1:
                    failed[some[0].combo_id] = str(error)
                else:  # half as many at a time may fit
                    waiting[:0] = [some[: len(some) // 2], some[len(some) // 2 :]]
                continue
            figures.append(_table(session, "select * from combo_metrics order by combo_id"))
            if keep_trades:
                columns = f"combo_id, {TABLES['trades'][0]}"
                trades.append(_table(session, f"select {columns} from trades order by combo_id, trade_id"))
        done += len(combos)
        if session.meter:
            session.meter.enter("sets")
            session.meter.move("sets", done / len(program.combos))
    if not figures:
        raise DuckbtError("; ".join(dict.fromkeys(failed.values())))
    return Outcome(pa.concat_tables(figures), pa.concat_tables(trades) if keep_trades else None, failed)


def _run_chunk(session: Session, context: Context) -> None:
    meter, session.meter = session.meter, None  # sets are what is counted, not their stages
    try:
        for step in own_steps(context):
            session.execute(step)
    finally:
        session.meter = meter


def _chunks(session: Session, program: Program) -> Iterator[Sequence[Combo]]:
    """Parameter sets that fit into memory together; those that share levels stand together."""
    signals = dict(session.rows("select signal_set, count(*) from members group by all"))
    budget = min(session.limit // 3, CHUNK_BYTES) // BYTES_A_SIGNAL
    chunk: list[Combo] = []
    used = 0
    for combo in sorted(program.combos, key=lambda c: (c.moving or 0, c.signal_set, c.stop or 0, c.target or 0, c.combo_id)):
        rows = signals.get(combo.signal_set, 0) + 1
        other = chunk and combo.moving != chunk[0].moving
        if chunk and (used + rows > budget or other):
            yield chunk
            chunk, used = [], 0
        chunk.append(combo)
        used += rows
    yield chunk


def _table(session: Session, sql: str) -> pa.Table:
    return session.relation(sql).to_arrow_table()


def write_part(outcome: Outcome, folder: Path, task: Task) -> None:
    """The parts of a task's result, written beside and renamed, so that a part that is there is whole."""
    import pyarrow.parquet as pq

    figures = outcome.figures.append_column("failure", pa.nulls(outcome.figures.num_rows, pa.string()))
    if outcome.failed:
        rows = pa.table({"combo_id": pa.array(list(outcome.failed), figures["combo_id"].type),
                         "failure": pa.array(list(outcome.failed.values()), pa.string())})  # fmt: skip
        figures = pa.concat_tables([figures, rows], promote_options="default")
    for name, table in (("figures", figures), ("trades", outcome.trades)):
        if table is not None:
            part = folder / task.parts[name]
            pq.write_table(table, part.with_suffix(".tmp"), compression="zstd")
            part.with_suffix(".tmp").rename(part)
