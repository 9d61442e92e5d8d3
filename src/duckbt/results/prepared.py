"""A backtest before it runs: strategy and bars put together, checked, compiled, planned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from duckbt.compiler.compile import compile_strategy
from duckbt.compiler.library import Library
from duckbt.compiler.program import Program
from duckbt.engine.estimate import Estimate, estimate
from duckbt.engine.plan import Plan, build_plan
from duckbt.errors import UsageError
from duckbt.lake.extra_sources import all_datasets, resolved_on, with_finer, with_rates
from duckbt.lake.moment import moment
from duckbt.lake.source import BarSource, open_bars
from duckbt.lake.store import Dataset, Lake
from duckbt.lake.timeframe import Timeframe
from duckbt.results.folder import TABLES
from duckbt.results.manifest import Selection, run_identity
from duckbt.strategy.load import StrategyFile, load_strategy
from duckbt.strategy.model import Parameter, Strategy


@dataclass(frozen=True)
class Settings:
    """What a run may vary without changing its result.

    ``deterministic``: one thread, so that even the order of work is the same. ``profile_allocations``: count what
    Python allocates during the scan.
    """

    threads: int | None = None
    memory_limit: str | None = None
    force: bool = False
    deterministic: bool = False
    profile_allocations: bool = False

    def __post_init__(self) -> None:
        if self.deterministic and self.threads not in (None, 1):
            raise UsageError(f"a deterministic run has one thread, not {self.threads}; leave --threads out")

    @property
    def pinned_threads(self) -> int | None:
        """Threads to ask for."""
        return 1 if self.deterministic else self.threads


@dataclass(frozen=True)
class Prepared:
    """Everything of a run that is known before any bar is read."""

    file: StrategyFile
    parameters: dict[str, Parameter]
    selection: Selection
    program: Program
    source: BarSource
    plan: Plan
    datasets: list[Dataset]

    @cached_property
    def estimate(self) -> Estimate:
        """Rows, memory and time of every stage, judged beforehand."""
        return estimate(self.plan, self.source, self.tables)

    @property
    def tables(self) -> list[str]:
        """The result tables of the run."""
        unused = set() if any(part for part in self.program.combo_scales) else {"legs"}
        ledger = ["ledger"] if any(step.ledger for step in self.plan.steps) else []
        return [name for name in (*TABLES, "signals", *ledger) if name not in unused]

    @property
    def run_id(self) -> str:
        """Content-addressed id."""
        return run_identity(self.file, self.parameters, self.selection, self.datasets)


def prepare(
    strategy: StrategyFile | Path | str,
    lake: Lake | Path | str = "lake",
    symbols: Sequence[str] | str = (),
    params: Mapping[str, Any] | None = None,
    first: datetime | date | str | None = None,
    last: datetime | date | str | None = None,
    warmup: int = 0,
) -> Prepared:
    """Compile a strategy against the lake. Raises StrategyError, DataError or UsageError before anything runs."""
    file = strategy if isinstance(strategy, StrategyFile) else load_strategy(strategy)
    parameters = file.parameters(params or {})
    program, source, selection, datasets = assemble(file, lake, symbols, [parameters], first, last, warmup)
    plan = build_plan(program, source, file.strategy, not_before=selection.first if warmup else None)
    return Prepared(file, parameters, selection, program, source, plan, datasets)


def assemble(
    file: StrategyFile,
    lake: Lake | Path | str,
    symbols: Sequence[str] | str,
    parameter_sets: Sequence[dict[str, Parameter]],
    first: datetime | date | str | None = None,
    last: datetime | date | str | None = None,
    warmup: int = 0,
    *,
    keep_indicators: bool = True,
) -> tuple[Program, BarSource, Selection, list[Dataset]]:
    """The program of all parameter sets and the bars it runs on. Raises StrategyError, DataError or UsageError."""
    first, last = moment(first, "first"), moment(last, "last")
    if first and last and first >= last:
        raise UsageError(f"no time lies from {first} (inclusive) to {last} (exclusive); give a later end")
    symbols = [symbols] if isinstance(symbols, str) else symbols
    lake = lake if isinstance(lake, Lake) else Lake(lake)
    program = compile_strategy(file, Library(file.indicators_folder), parameter_sets, keep_indicators=keep_indicators)
    datasets = lake.choose(symbols, file.strategy.bar, file.strategy.day)
    for dataset in datasets:
        dataset.check_files()
    source, datasets = _bars(file.strategy, lake, datasets, first, last, warmup)
    selection = Selection(symbols=[s.symbol for s in source.symbols], first=first, last=last, warmup=warmup)
    return program, source, selection, datasets


def _bars(
    strategy: Strategy, lake: Lake, datasets: list[Dataset], first: datetime | None, last: datetime | None, warmup: int
) -> tuple[BarSource, list[Dataset]]:
    """The bars a strategy runs on, and every dataset they come from."""
    fine = strategy.exit.resolve_on
    name = "signal_bars" if fine else "bars"
    source = open_bars(datasets, first, last, warmup, name, strategy.bar, strategy.day)
    more: list[Dataset] = []
    if fine:
        source = resolved_on(source, lake, Timeframe(fine), first, last)
    if strategy.exit.same_bar == "finer":
        source, finer = with_finer(source, lake)
        more += finer
    if strategy.size.currency:
        source, pairs = with_rates(source, lake, strategy.size.currency, strategy.size.quotes, strategy.bar)
        more += pairs
    return source, all_datasets(source, more)
