"""The kernels by name, and what each of their parameters must be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from duckbt.compiler import kernels, running, windows
from duckbt.compiler.graph import Graph

MOST_BARS = 1_000_000


@dataclass(frozen=True)
class Kernel:
    """How a kernel is called: its function and the kind of each parameter.

    ``series``: any expression; ``bars``: a constant, whole and at least 1; ``offset``: the same from 0;
    ``number``: any constant.
    """

    build: Callable[..., int]
    kinds: tuple[str, ...] = ()


KERNELS: dict[str, Kernel] = {
    "bar_number": Kernel(Graph.number),
    "lag": Kernel(Graph.lag, ("series", "offset")),
    "after": Kernel(Graph.after, ("series", "offset")),
    "since_start": Kernel(Graph.since_start, ("series",)),
    "rolling_sum": Kernel(kernels.rolling_sum, ("series", "bars")),
    "rolling_min": Kernel(kernels.rolling_min, ("series", "bars")),
    "rolling_max": Kernel(kernels.rolling_max, ("series", "bars")),
    "rolling_argmin": Kernel(kernels.rolling_argmin, ("series", "bars")),
    "rolling_argmax": Kernel(kernels.rolling_argmax, ("series", "bars")),
    "rolling_weighted_sum": Kernel(kernels.rolling_weighted_sum, ("series", "bars")),
    "rolling_variance": Kernel(kernels.rolling_variance, ("series", "bars")),
    "rolling_covariance": Kernel(kernels.rolling_covariance, ("series", "series", "bars")),
    "rolling_slope": Kernel(kernels.rolling_slope, ("series", "bars")),
    "rolling_quantile": Kernel(windows.rolling_quantile, ("series", "bars", "number")),
    "rolling_rank": Kernel(windows.rolling_rank, ("series", "bars")),
    "recurrence": Kernel(kernels.recurrence, ("series", "number", "number", "bars", "number")),
    "affine": Kernel(kernels.affine, ("series", "series", "series", "number")),
    "running_sum": Kernel(running.running_sum, ("series",)),
    "sum_since": Kernel(running.sum_since, ("series", "series")),
    "highest_since": Kernel(running.highest_since, ("series", "series")),
    "lowest_since": Kernel(running.lowest_since, ("series", "series")),
    "last_where": Kernel(running.last_where, ("series", "series")),
}
