"""The bars of one run as one SQL relation: in place, sorted first, or resampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from duckbt.lake.barsource import PLACE_BITS, BarSource, Rate, SymbolBars, Wanted, end_of_made_bar
from duckbt.lake.clock import Anchor
from duckbt.lake.numbered import in_place, sorted_bars
from duckbt.lake.resampling import resampled_bars
from duckbt.lake.store import Dataset
from duckbt.lake.timeframe import Timeframe

__all__ = ["PLACE_BITS", "BarSource", "Rate", "SymbolBars", "open_bars"]


def open_bars(
    datasets: Sequence[Dataset],
    first: datetime | None = None,
    last: datetime | None = None,
    warmup: int = 0,
    name: str = "bars",
    timeframe: Timeframe | None = None,
    anchor: Anchor | None = None,
) -> BarSource:
    """The bars of ``datasets`` from ``first`` (inclusive) to ``last`` (exclusive), numbered from 0 within a symbol.

    ``warmup`` bars before ``first`` are read as well. ``timeframe``: finer datasets are resampled to it, days beginning
    at ``anchor`` (default 00:00 UTC). ``name``: what the view or table is called. Raises DataError when nothing is left.
    """
    wanted = Wanted(first, last, warmup)
    timeframe = timeframe or datasets[0].timeframe
    if any(d.timeframe != timeframe for d in datasets):
        return resampled_bars(datasets, wanted, timeframe, anchor, name)
    reader = in_place if all(d.manifest.ordered for d in datasets) else sorted_bars
    found = reader(datasets, wanted, name)
    if all(d.manifest.derived for d in datasets):
        return replace(found, ends=end_of_made_bar(timeframe, anchor))
    return found
