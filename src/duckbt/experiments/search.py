"""Search on top of sweeps: finer grids around the best set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from duckbt.experiments.reading import Sweep
from duckbt.experiments.sweep import SweepPlan
from duckbt.strategy.model import Parameter


def refine(
    sweep: Sweep,
    plan: Callable[[dict[str, Any]], SweepPlan],
    run: Callable[[SweepPlan], Path],
    rounds: int,
    by: str,
) -> Sweep:
    """Sweep again around the best set, each round with half the step; returns the sweep that holds the best.

    ``plan`` makes a sweep of a grid, ``run`` runs and publishes it.
    Each round is a sweep of its own, published like any other. It ends early where no finer values are left.
    """
    best = sweep
    grid = dict(sweep.manifest.grid)
    for _ in range(rounds):
        top = best.top(1, by)
        if not top:
            break
        finer = finer_grid(grid, {n: top[0][best.manifest.columns.get(n, n)] for n in grid})
        if all(len(v) == 1 for v in finer.values()) or finer == grid:
            break
        grid = finer
        found = Sweep(run(plan(dict(grid))))
        best = _better(best, found, by)
    return best


def finer_grid(grid: Mapping[str, list[Parameter]], best: Mapping[str, Parameter]) -> dict[str, list[Parameter]]:
    """Per parameter the best value and the values half way to its neighbours in the grid, which have been tried.

    Whole numbers stay whole; texts and truth values stay as they are.
    """
    finer: dict[str, list[Parameter]] = {}
    for name, values in grid.items():
        own = best[name]
        numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
        if len(numbers) < len(values) or isinstance(own, bool | str):
            finer[name] = [own]
            continue
        whole = all(isinstance(v, int) for v in numbers)
        below = max((v for v in numbers if v < own), default=own)
        above = min((v for v in numbers if v > own), default=own)
        wanted = [(below + own) / 2, own, (own + above) / 2]
        chosen: list[Parameter] = sorted({int(v) if whole else round(v, 12) for v in wanted})
        finer[name] = chosen
    return finer


def _better(one: Sweep, two: Sweep, by: str) -> Sweep:
    rows = [(s.top(1, by)[0][by], s) for s in (one, two) if s.top(1, by)]
    known = [(v, s) for v, s in rows if v is not None]
    if not known:
        return one
    from duckbt.experiments.reading import LOWER_IS_BETTER

    pick = min if by in LOWER_IS_BETTER else max
    return pick(known, key=lambda pair: pair[0])[1]
