"""Features of exits and entries, one line each, as strategy sections and as rules of the reference."""

from __future__ import annotations

from typing import Any

from reference.harness import Case, flag, with_bars


def varying(least: int, span: int) -> tuple[str, Any]:
    """A distance that depends on the signal bar: ``close % span + least``."""
    return f"close % {span} + {least}", with_bars(lambda bars: lambda s, entry, d, stop: bars[s].close % span + least)


def constant(value: float) -> tuple[str, Any]:
    """The same distance for all."""
    return str(value), lambda s, entry, d, stop: value


STOP, TARGET = varying(1, 4), varying(2, 5)
TRAIL = varying(2, 3)
ENTRY = {"long": flag("long"), "short": flag("short")}

# name → (sections of exit, rules)
EXITS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "stop and target": ({"stop": STOP[0], "target": TARGET[0]}, {"stop": STOP[1], "target": TARGET[1]}),
    "stop only": ({"stop": STOP[0]}, {"stop": STOP[1]}),
    "target only": ({"target": TARGET[0]}, {"target": TARGET[1]}),
    "target in multiples of the stop": (
        {"stop": STOP[0], "target": "2 * stop"}, {"stop": STOP[1], "target": lambda s, e, d, stop: 2 * stop},
    ),
    "trail": ({"trail": TRAIL[0]}, {"trail": TRAIL[1]}),
    "trail and stop": ({"trail": TRAIL[0], "stop": STOP[0]}, {"trail": TRAIL[1], "stop": STOP[1]}),
    "trail after activation": (
        {"trail": "2", "trail_after": "3", "stop": "4"},
        {"trail": constant(2)[1], "trail_after": constant(3)[1], "stop": constant(4)[1]},
    ),
    "trail and target": ({"trail": "3", "target": "4"}, {"trail": constant(3)[1], "target": constant(4)[1]}),
    "break-even": (
        {"stop": "3", "target": "6", "breakeven": {"at": "2", "to": "entry + direction"}},
        {"stop": constant(3)[1], "target": constant(6)[1], "breakeven_at": constant(2)[1],
         "breakeven_to": lambda s, entry, d, stop: entry + d},
    ),
    "break-even at entry": (
        {"stop": STOP[0], "breakeven": {"at": "1 * stop"}},
        {"stop": STOP[1], "breakeven_at": lambda s, e, d, stop: stop, "breakeven_to": lambda s, entry, d, stop: entry},
    ),
    "scale out": (
        {"stop": "3", "target": "5", "scale_out": [{"at": "1", "fraction": 0.25}, {"at": "3", "fraction": 0.5}]},
        {"stop": constant(3)[1], "target": constant(5)[1], "scale_out": [(constant(1)[1], 0.25), (constant(3)[1], 0.5)]},
    ),
    "scale out beyond the target": (
        {"stop": "3", "target": "3", "scale_out": [{"at": "2", "fraction": 0.25}, {"at": "4", "fraction": 0.5}]},
        {"stop": constant(3)[1], "target": constant(3)[1], "scale_out": [(constant(2)[1], 0.25), (constant(4)[1], 0.5)]},
    ),
    "scale out and trail": (
        {"trail": "2", "scale_out": [{"at": "2", "fraction": 0.5}]},
        {"trail": constant(2)[1], "scale_out": [(constant(2)[1], 0.5)]},
    ),
    "max bars": ({"stop": STOP[0], "max_bars": 3}, {"stop": STOP[1], "max_bars": 3}),
    "signal exits": (
        {"stop": "4", "long": flag("exit_long"), "short": flag("exit_short")},
        {"stop": constant(4)[1], "exit_long": "exit_long", "exit_short": "exit_short"},
    ),
    "reversal": ({"stop": "5", "reverse": True}, {"stop": constant(5)[1], "reverse": True}),
    "reversal and signal exits": (
        {"reverse": True, "long": flag("exit_long")}, {"reverse": True, "exit_long": "exit_long"},
    ),
    "session": (
        {"stop": "4", "target": "4", "flat_when": flag("flat")},
        {"stop": constant(4)[1], "target": constant(4)[1], "flat_when": "flat"},
    ),
    "trail price": (
        {"trail_price": {"long": "low - 2", "short": "high + 2"}},
        {"trail_price": with_bars(lambda bars: lambda i, d: bars[i].low - 2 if d > 0 else bars[i].high + 2)},
    ),
    "trail price and target": (
        {"target": "4", "stop": "3", "trail_price": {"long": "low - 2", "short": "high + 2"}},
        {"target": constant(4)[1], "stop": constant(3)[1],
         "trail_price": with_bars(lambda bars: lambda i, d: bars[i].low - 2 if d > 0 else bars[i].high + 2)},
    ),
    "everything": (
        {"stop": "3", "target": "7", "trail": "4", "trail_after": "2", "breakeven": {"at": "3", "to": "entry"},
         "scale_out": [{"at": "2", "fraction": 0.5}, {"at": "5", "fraction": 0.25}], "max_bars": 9,
         "long": flag("exit_long"), "reverse": True, "flat_when": flag("flat")},
        {"stop": constant(3)[1], "target": constant(7)[1], "trail": constant(4)[1], "trail_after": constant(2)[1],
         "breakeven_at": constant(3)[1], "breakeven_to": lambda s, entry, d, stop: entry,
         "scale_out": [(constant(2)[1], 0.5), (constant(5)[1], 0.25)], "max_bars": 9, "exit_long": "exit_long",
         "reverse": True, "flat_when": "flat"},
    ),
}  # fmt: skip


def limit(distance: int) -> Any:
    return with_bars(lambda bars: lambda s, d: bars[s].close - d * distance)


# name → (sections of entry, rules)
ENTRIES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "next open": ({}, {}),
    "close": ({"price": "close"}, {"entry": "close"}),
    "limit": (
        {"price": {"limit": "close - 2 * direction", "bars": 3}},
        {"entry": "limit", "entry_price": limit(2), "valid_bars": 3},
    ),
    "stop order": (
        {"price": {"stop": "close + 1 * direction", "bars": 2}},
        {"entry": "stop", "entry_price": limit(-1), "valid_bars": 2},
    ),
    "limit with cancellation": (
        {"price": {"limit": "close - 1 * direction", "bars": 4, "cancel": flag("cancel")}},
        {"entry": "limit", "entry_price": limit(1), "valid_bars": 4, "cancel": "cancel"},
    ),
}  # fmt: skip

# name → (sections beside entry and exit, additions to exit, rules)
SWITCHES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "ours": ({}, {}, {}),
    "target first": ({}, {"same_bar": "target_first"}, {"same_bar": "target_first"}),
    "stop first always": ({}, {"same_bar": "stop_first_always"}, {"same_bar": "stop_first_always"}),
    "entry bar excluded": ({}, {"entry_bar_exits": False}, {"entry_bar_exits": False}),
    "fills at the level": ({"compat": {"gap_fill": "level"}}, {}, {"gap_fill": "level"}),
    "fills inside the bar": ({"compat": {"gap_fill": "inside_bar"}}, {}, {"gap_fill": "inside_bar"}),
    "targets must be exceeded": ({"compat": {"target_touch": "beyond"}}, {}, {"target_touch": "beyond"}),
    "trail of the same bar": ({"compat": {"trail_high": "same_bar"}}, {}, {"trail_high": "same_bar"}),
    "no re-entry on the exit bar": ({"compat": {"reentry_on_exit_bar": False}}, {}, {"reentry_on_exit_bar": False}),
    "closed at the last open": ({"compat": {"at_end": "open"}}, {}, {"at_end": "open"}),
}


def case(exit: str, entry: str = "next open", switch: str = "ours", overlap: str = "one") -> Case:
    """One combination of features."""
    exit_sections, exit_rules = EXITS[exit]
    entry_sections, entry_rules = ENTRIES[entry]
    sections, more_exit, switch_rules = SWITCHES[switch]
    entry_all = ENTRY | entry_sections | ({"overlap": overlap} if overlap != "one" else {})
    rules = exit_rules | entry_rules | switch_rules | ({"overlap": overlap} if overlap != "one" else {})
    return Case({"entry": entry_all, "exit": exit_sections | more_exit} | sections, rules)
