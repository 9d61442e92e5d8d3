"""Where candidates end, for one parameter set after the other. The rules are those of sql/50_exits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from duckbt.engine.arrays.touches import Pyramid
from duckbt.strategy.rules import FillRules

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
STOP, TARGET, SIGNAL, TIME, SESSION, END = range(6)


@dataclass(frozen=True)
class Bars:
    """The bars of the one symbol, and the pyramids over their highs and over their negated lows."""

    ts: Integers  # microseconds
    open: Floats
    close: Floats
    up: Pyramid
    down: Pyramid

    @property
    def last(self) -> int:
        """Number of the last bar."""
        return len(self.ts) - 1


@dataclass(frozen=True)
class Candidates:
    """Signals that get a fill, in the order of their number."""

    direction: Floats  # +1 or -1
    entry_bar: Integers
    entry_price: Floats
    first_held: Integers
    from_bar: Integers  # the first bar whose range may end the trade


@dataclass(frozen=True)
class Touched:
    """One level of every candidate. ``bar``: of the first touch, or the number of bars where there is none.

    ``beyond``: that bar opens beyond the level. ``fault``: the candidate cannot be traded with this level.
    """

    price: Floats
    distance: Floats
    bar: Integers
    beyond: Flags
    fault: Flags


@dataclass(frozen=True)
class Ends:
    """How every candidate of a set ends. ``other``: what the trade would have got, had the other level come first."""

    bar: Integers
    price: Floats
    kind: Integers
    at_open: Flags
    gap: Flags
    both: Flags
    other: Floats


def touch(bars: Bars, some: Candidates, price: Floats, distance: Floats, adverse: bool, rules: FillRules) -> Touched:
    """Ask where a level is touched first. ``adverse``: it lies against the trade."""
    side = -some.direction if adverse else some.direction
    with np.errstate(invalid="ignore"):
        fault = ~np.isfinite(price) | (distance <= 0) | (side * (price - some.entry_price) <= 0)
    bar = np.full(len(price), bars.last + 1, np.int64)
    for sign, pyramid in ((1, bars.up), (-1, bars.down)):
        asked = np.flatnonzero((side == sign) & ~fault)
        bar[asked] = pyramid.first(some.from_bar[asked], sign * price[asked])
    beyond = np.zeros(len(price), np.bool_)
    if rules.gap_fill == "open":
        there = np.flatnonzero(bar <= bars.last)
        beyond[there] = side[there] * (bars.open[bar[there]] - price[there]) >= 0
    return Touched(price, distance, bar, beyond, fault)


def ends(
    bars: Bars,
    some: Candidates,
    stop: Touched | None,
    target: Touched | None,
    signal: Integers | None,
    session: Integers | None,
    max_bars: int | None,
    rules: FillRules,
) -> Ends:
    """The earliest of all that may end each candidate; on one bar the order of docs/semantics.md decides."""
    size = len(some.entry_bar)
    never = np.full(size, bars.last + 1, np.int64)
    stop_bar = stop.bar if stop else never
    target_bar = target.bar if target else never
    signal_bar = signal if signal is not None else never
    session_bar = session if session is not None else never
    time_bar = never if max_bars is None else some.first_held + (max_bars - 1)
    bar = np.minimum(np.minimum(stop_bar, target_bar), np.minimum(signal_bar, session_bar))
    bar = np.minimum(np.minimum(bar, time_bar), bars.last)
    stopped, targeted, signalled = stop_bar == bar, target_bar == bar, signal_bar == bar
    beyond_stop = stopped & stop.beyond if stop else stopped
    beyond_target = targeted & target.beyond if target else targeted
    stop_now = beyond_stop | stopped if rules.same_bar == "stop_first_always" else beyond_stop
    target_now = beyond_target | targeted if rules.same_bar == "target_first" else beyond_target
    kind = np.select(
        [signalled, stop_now, target_now, stopped, targeted, time_bar == bar, session_bar == bar],
        [SIGNAL, STOP, TARGET, STOP, TARGET, TIME, SESSION],
        END,
    )
    opened, closed = bars.open[bar], bars.close[bar]
    stop_fill = np.where(beyond_stop, opened, stop.price) if stop else opened
    target_fill = np.where(beyond_target, opened, target.price) if target else opened
    ended = opened if rules.at_end == "open" else closed
    price = np.select(
        [kind == SIGNAL, kind == STOP, kind == TARGET, kind == END], [opened, stop_fill, target_fill, ended], closed
    )
    gapped = (kind == STOP) & beyond_stop | (kind == TARGET) & beyond_target
    both = stopped & targeted & ~signalled & ~beyond_stop & ~(beyond_target & (kind == TARGET))
    other = np.where(both & (kind == STOP), target_fill, np.where(both & (kind == TARGET), stop_fill, np.nan))
    return Ends(bar, price, kind, gapped | (kind == SIGNAL), gapped, both, other)


def free_from(ended: Ends, rules: FillRules) -> Integers:
    """The first bar on which a new trade may be filled: at its open, or at its close for entries at the close."""
    if not rules.reentry_on_exit_bar:
        return ended.bar + (1 if rules.entry == "close" else 2)
    if rules.entry == "close":
        return ended.bar
    return ended.bar + ~ended.at_open
