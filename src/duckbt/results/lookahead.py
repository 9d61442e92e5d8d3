"""Does a strategy know the future, and does it depend on where its data begins? The data is cut and the answers compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from duckbt.engine.hindsight import Trial, forward_windows, known_then, untriable
from duckbt.engine.scanner import scan_to
from duckbt.engine.session import Session
from duckbt.engine.step import Step
from duckbt.errors import DataError
from duckbt.lake.store import Lake
from duckbt.results.folder import TABLES
from duckbt.results.prepared import Prepared, Settings, prepare
from duckbt.sqlfiles import connect, quote_name, quote_text, render
from duckbt.strategy.load import StrategyFile

# columns that count on over all trades
COUNTING = ("trade_id", "equity_after")
TRADES = [c.strip() for c in TABLES["trades"][0].split(",") if c.strip() not in COUNTING]
START_BARS = 300_000  # of long data so many bars are enough to see how a start wears off
Again = Callable[..., Prepared]


@dataclass(frozen=True)
class Change:
    """A signal or trade that is seen only with the bars after the cut (``only later``) or only without them."""

    ts: datetime
    symbol: str
    what: str
    seen: str


@dataclass(frozen=True)
class Cut:
    """A whole run on data that ends before ``at``, and what of it the run on all data has otherwise."""

    at: datetime
    signals: int
    closed_trades: int
    changed: list[Change]


@dataclass(frozen=True)
class Settled:
    """Until how many bars after a later start a column shows it; ``stated``: what the compiler says, None: for ever."""

    column: str
    stated: int | None
    bars: int
    compared: int

    @property
    def as_stated(self) -> bool:
        """Whether it settles as soon as it should."""
        return self.stated is None or self.bars <= self.stated


@dataclass(frozen=True)
class LookAhead:
    """``forward``: windows of the scan that may look forward. ``trial`` is None where ``untried`` says why.

    ``staged``: tables that are made before the scan, which the form of the scan says nothing of.
    """

    forward: list[str]
    staged: list[str]
    trial: Trial | None
    untried: str
    cuts: list[Cut]
    starts: list[Settled]

    @property
    def clean(self) -> bool:
        """Whether nothing before any cut changed, and no window looks forward."""
        return not self.forward and not (self.trial and self.trial.changed) and not any(c.changed for c in self.cuts)


def look_ahead(
    strategy: StrategyFile | Path | str,
    lake: Lake | Path | str = "lake",
    symbols: Sequence[str] | str = (),
    params: Mapping[str, Any] | None = None,
    first: datetime | date | str | None = None,
    last: datetime | date | str | None = None,
    warmup: int = 0,
    cuts: int = 8,
    settings: Settings | None = None,
) -> LookAhead:
    """Audit a strategy on the lake; arguments as of ``backtest``. ``cuts``: whole runs on shortened data.

    Raises as ``backtest`` does, and DataError where there are too few bars to cut.
    """
    settings = settings or Settings()
    again = partial(prepare, strategy, lake, symbols, params)
    prepared = again(first, last, warmup)
    source = prepared.source
    bars, scanned = ("signal_bars", source.signals) if source.signals else ("bars", source)
    if scanned.longest < 2:
        raise DataError("the audit needs at least two bars of a symbol: a single one cannot be cut off from anything")
    with TemporaryDirectory(prefix="duckbt-audit-") as folder:
        scratch = Path(folder)
        with Session(scratch, source.files, settings.pinned_threads, settings.memory_limit) as session:
            session.run(prepared.plan)
            _write(session, prepared, scratch / "whole")
            scans = [s for step in prepared.plan.steps if step.name == "30_signals/scan" for s in step.statements]
            forward = [w for statement in scans for w in forward_windows(session, statement)]
            untried = untriable(prepared.program)
            not_before = prepared.selection.first if warmup else None
            trial = None if untried else known_then(session, prepared.program, scanned, bars, not_before)
            times = _times(session, cuts, bars)
            span = session.rows(f"select min(ts), max(ts) from {bars}")[0]
        length = timedelta(seconds=scanned.timeframe.seconds)
        made = [_cut(partial(again, first, at + length, warmup), at + length, scratch, settings) for at in times]
        starts = _starts(prepared, again, span, scanned.bars, scratch, settings)
    staged = [s.table for s in prepared.program.graph.stages]
    return LookAhead(sorted(set(forward)), staged, trial, untried, made, starts)


def _times(session: Session, cuts: int, bars: str) -> list[datetime]:
    """Where to cut: at signals, spread over them all; of a strategy without signals at bars."""
    for table in ("signals", bars):
        parts = f"select ts, ntile({cuts}) over (order by ts) as part from (select distinct ts from {table})"
        found = [t for (t,) in session.rows(f"select max(ts) from ({parts}) group by part order by 1")]
        if found:
            break
    return found[:-1] or found  # the last one leaves next to nothing after it


def _write(session: Session, prepared: Prepared, folder: Path) -> None:
    """The trades and signals of a run, as files beside each other."""
    folder.mkdir()
    columns = {"trades": TRADES, "signals": _signal_columns(prepared)}
    for name, chosen in columns.items():
        target = quote_text(folder / f"{name}.parquet")
        session.execute(Step(f"write {name}", (f"copy (select {', '.join(chosen)} from {name}) to {target}",)))


def _signal_columns(prepared: Prepared) -> list[str]:
    return ["symbol", "ts", "direction", *map(quote_name, prepared.program.indicator_columns)]


def _cut(again: Callable[[], Prepared], at: datetime, scratch: Path, settings: Settings) -> Cut:
    """Run on the data before ``at`` and compare."""
    shortened = again()
    folder = scratch / f"cut-{at:%Y%m%d%H%M%S}"
    with Session(scratch, shortened.source.files, settings.pinned_threads, settings.memory_limit) as session:
        session.run(shortened.plan)
        _write(session, shortened, folder)
        fired = session.rows("select count(*) from signals")[0][0]
        closed = session.rows("select count(*) from trades where exit_reason <> 'end_of_data'")[0][0]
        query = render(
            "90_audit/changed_trades.sql.j2", cut=at.isoformat(sep=" "), trades=TRADES, signals=_signal_columns(shortened),
            **{f"{run}_{t}": (scratch / "whole" if run == "whole" else folder) / f"{t}.parquet"
               for run in ("whole", "cut") for t in ("trades", "signals")},
        )  # fmt: skip
        changed = [Change(ts, symbol, what, seen) for what, symbol, ts, seen in session.rows(query)]
    return Cut(at, fired, closed, changed)


def _starts(
    prepared: Prepared, again: Again, span: tuple[datetime, datetime], bars: int, scratch: Path, settings: Settings
) -> list[Settled]:
    """The scan of the whole range beside one that begins a third of the way into it."""
    program = prepared.program
    begin, end = span
    begin = max(begin, end - (end - begin) * min(1.0, START_BARS / bars))
    start = begin + (end - begin) / 3
    files = {}
    for name, first in (("whole", begin), ("late", start)):
        chosen = again(first, prepared.selection.last)
        files[name] = scratch / f"{name}.parquet"
        scan_to(chosen.program, chosen.source, files[name], scratch, settings.pinned_threads, settings.memory_limit)
    types = {o.name: program.graph[o.node].type for o in program.outputs}
    columns = program.indicator_sources
    numbers = [c for c, inside in columns.items() if types[inside] in ("double", "integer")]
    others = [c for c in columns if c not in numbers] + ["long_signal", "short_signal"]
    query = render("90_audit/settled.sql.j2", **files, start=start.isoformat(sep=" "), numbers=numbers, others=others)
    with connect() as connection:
        found = {column: (late, compared) for column, late, compared in connection.execute(query).fetchall()}
    flags = {("long_signal", "short_signal")[s.direction < 0]: s.flag for s in program.sides}
    nodes = {o.name: o.node for o in program.outputs}
    stated = {c: program.graph[nodes[inside]].settle for c, inside in {**columns, **flags}.items()}
    return [Settled(c, stated[c], *found[c]) for c in [*columns, *flags]]
