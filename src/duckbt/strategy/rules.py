"""The fill rules a strategy runs under: its own keys, else those of the engine it wants to be like, else ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from duckbt.errors import StrategyError
from duckbt.strategy.model import Strategy

OURS: dict[str, Any] = {
    "price": "next_open", "same_bar": "stop_first", "entry_bar_exits": True, "gap_fill": "open", "target_touch": "at",
    "trail_high": "previous", "reentry_on_exit_bar": True, "at_end": "close",
}  # fmt: skip
PRESETS: dict[str, dict[str, Any]] = {
    # stops are tested before everything else; one order a bar, so no exit on the entry bar and no re-entry on an exit bar
    "vectorbt": {"price": "close", "same_bar": "stop_first_always", "entry_bar_exits": False, "reentry_on_exit_bar": False},
    # orders fill from the entry bar on, stop before target; what is open at the end is closed at the last open
    "backtesting.py": {"same_bar": "stop_first_always", "at_end": "open"},
    # a level fills inside the bar's range; targets must be exceeded; the trail rises with the bar it is tested on
    "freqtrade": {
        "same_bar": "stop_first_always", "gap_fill": "inside_bar", "target_touch": "beyond", "trail_high": "same_bar",
        "reentry_on_exit_bar": False, "at_end": "open",
    },
    # fills at the signal's close, levels fill at their price even through gaps
    "quantpipe": {"price": "close", "same_bar": "stop_first_always", "gap_fill": "level", "trail_high": "same_bar"},
}  # fmt: skip


@dataclass(frozen=True)
class FillRules:
    """All switches, resolved. docs/semantics.md has a paragraph on each."""

    entry: str  # next_open, close, limit, stop
    same_bar: str
    entry_bar_exits: bool
    gap_fill: str
    target_touch: str
    trail_high: str
    reentry_on_exit_bar: bool
    at_end: str


def fill_rules(strategy: Strategy) -> FillRules:
    """Resolve the switches: a key written in the file beats the preset, the preset beats the default."""
    values = dict(OURS)
    if strategy.compat.like:
        values |= PRESETS[strategy.compat.like]
    written = {"same_bar", "entry_bar_exits"} & strategy.exit.model_fields_set
    values |= {key: getattr(strategy.exit, key) for key in written}
    values |= {k: v for k, v in strategy.compat.model_dump(exclude={"like"}).items() if v is not None}
    entry = strategy.entry.kind if "price" in strategy.entry.model_fields_set else values["price"]
    del values["price"]
    if not values["reentry_on_exit_bar"] and entry in ("limit", "stop"):
        raise StrategyError(
            "compat.reentry_on_exit_bar = false needs entries at the next open or the close, "
            f"not {entry} orders, which may fill long after their signal"
        )
    return FillRules(entry=entry, **values)
