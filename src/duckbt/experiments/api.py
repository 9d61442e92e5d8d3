"""``duckbt.sweep``: one call from strategy and grid to a readable sweep."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from duckbt.experiments.reading import Sweep
from duckbt.experiments.runners import Report, Runner
from duckbt.experiments.sweep import plan_sweep, run_sweep
from duckbt.lake.store import Lake
from duckbt.results.prepared import Settings
from duckbt.strategy.load import StrategyFile


def sweep(
    strategy: Sequence[StrategyFile | Path | str] | StrategyFile | Path | str,
    lake: Lake | Path | str = "lake",
    grid: Mapping[str, Any] | None = None,
    *,
    results: Path | str = "results",
    settings: Settings | None = None,
    runner: Runner | None = None,
    resume: bool = False,
    keep_trades: str = "none",
    by: str = "sharpe",
    report: Callable[[Report], None] | None = None,
    **choice: Any,
) -> Sweep:
    """Compare many parameter sets and return the published sweep.

    ``grid``: values per parameter (a list, a ``Range`` or text such as ``"20..60:10"``); without it the strategy's
    [sweep]. ``choice``: what ``plan_sweep`` takes: where, symbols, by_symbol, params, first, last, warmup, method, samples,
    seed. ``keep_trades``: none, all or best:N by the metric ``by``. Raises StrategyError, DataError, UsageError,
    ResourceError.
    """
    plan = plan_sweep(strategy, lake, grid, **choice)
    return Sweep(
        run_sweep(plan, results, settings, runner=runner, resume=resume, keep_trades=keep_trades, by=by, report=report)
    )
