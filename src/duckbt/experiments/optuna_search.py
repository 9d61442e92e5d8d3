"""Search with Optuna where a grid is too large: its suggestions are run in batches, each batch one pass over the bars."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from duckbt.errors import UsageError
from duckbt.experiments.grid import grid_of, parameter_sets
from duckbt.experiments.reading import LOWER_IS_BETTER, Sweep
from duckbt.experiments.runners import Report
from duckbt.experiments.sweep import plan_sweep, run_sweep
from duckbt.lake.store import Lake
from duckbt.results.prepared import Settings
from duckbt.strategy.load import load_strategy
from duckbt.strategy.model import Parameter

BATCH = 16  # suggestions that are run together


def search(
    strategy: Path | str,
    lake: Lake | Path | str = "lake",
    grid: Mapping[str, Any] | None = None,
    *,
    trials: int,
    by: str = "sharpe",
    seed: int = 0,
    where: str | None = None,
    symbols: Sequence[str] | str = (),
    params: Mapping[str, Any] | None = None,
    first: datetime | date | str | None = None,
    last: datetime | date | str | None = None,
    warmup: int = 0,
    results: Path | str = "results",
    settings: Settings | None = None,
    report: Callable[[Report], None] | None = None,
) -> Sweep:
    """Try ``trials`` sets of the grid, chosen by Optuna's TPE sampler from those before them, and publish them as a sweep.

    Equal seeds make equal choices. Raises UsageError without Optuna.
    """
    try:
        import optuna
    except ImportError:
        raise UsageError("--optuna needs an extra: pip install 'duckbt[optuna]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    file = load_strategy(strategy)
    found = grid_of(file, grid, where)
    study = optuna.create_study(
        direction="minimize" if by in LOWER_IS_BETTER else "maximize", sampler=optuna.samplers.TPESampler(seed=seed)
    )
    known: dict[str, float | None] = {}
    tried: dict[str, dict[str, Parameter]] = {}
    common: dict[str, Any] = {"symbols": symbols, "first": first, "last": last, "warmup": warmup}
    while len(study.trials) < trials:
        asked = [study.ask() for _ in range(min(BATCH, trials - len(study.trials)))]
        sets = [
            file.parameters({**(params or {}), **{n: t.suggest_categorical(n, v) for n, v in found.values.items()}})
            for t in asked
        ]
        fresh = {repr(s): s for s in sets if repr(s) not in known and _allowed(file, found.where, s)}
        if fresh:
            plan = plan_sweep(file, lake, sets=list(fresh.values()), **common)
            rows = Sweep(run_sweep(plan, results, settings, by=by, report=report))
            for combo, key in enumerate(fresh):
                known[key] = rows.row(combo)[rows.metric(by)]
                tried[key] = fresh[key]
        for trial, chosen in zip(asked, sets, strict=True):
            value = known.get(repr(chosen))
            if value is None:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
            else:
                study.tell(trial, value)
    if not tried:
        raise UsageError(f"no set that was tried meets the condition {found.where!r}")
    return Sweep(run_sweep(plan_sweep(file, lake, sets=list(tried.values()), **common), results, settings, by=by))


def _allowed(file: Any, where: str | None, values: Mapping[str, Parameter]) -> bool:
    from duckbt.experiments.grid import Grid

    try:
        return bool(parameter_sets(file, Grid({n: [v] for n, v in values.items()}, where)))
    except UsageError:
        return False
