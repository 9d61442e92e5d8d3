"""duckbt: a DuckDB, SQL-centric backtester.

    import duckbt

    run = duckbt.backtest("ema_cross.toml", lake="lake", symbols=["EURUSD"], params={"fast": 10})
    run.trades.pl()            # or .df(), .to_arrow_table(), .fetchall()
    run.metrics["sharpe"]
    duckbt.sweep("ema_cross.toml", grid={"fast": [8, 12, 16]}).top(5)

Names are loaded when they are first used, so that ``import duckbt`` itself costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckbt.errors import DataError, DuckbtError, ResourceError, StrategyError, UsageError
    from duckbt.experiments.api import sweep
    from duckbt.experiments.reading import Sweep
    from duckbt.lake.ingest import ingest
    from duckbt.lake.register import register
    from duckbt.lake.store import Lake
    from duckbt.results.run import Run, Settings, backtest

__version__ = "0.1.0"
__all__ = [
    "DataError", "DuckbtError", "Lake", "ResourceError", "Run", "Settings", "StrategyError", "Sweep", "UsageError",
    "backtest", "ingest", "register", "sweep",
]  # fmt: skip
_HOMES = {
    "duckbt.errors": ("DataError", "DuckbtError", "ResourceError", "StrategyError", "UsageError"),
    "duckbt.experiments.api": ("sweep",),
    "duckbt.experiments.reading": ("Sweep",),
    "duckbt.lake.ingest": ("ingest",),
    "duckbt.lake.register": ("register",),
    "duckbt.lake.store": ("Lake",),
    "duckbt.results.run": ("Run", "Settings", "backtest"),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'duckbt' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
