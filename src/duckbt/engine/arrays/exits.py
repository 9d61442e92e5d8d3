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
NOT_ASKED = -1
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
    entry_us: Integers  # when that bar begins
    entry_price: Floats
    first_held: Integers
    from_bar: Integers  # the first bar whose range may end the trade


@dataclass(frozen=True)
class Answers:
    """What is known of one level's touches, per candidate; see ``Touched``. ``bar``: NOT_ASKED where nobody has asked."""

    bar: Integers
    beyond: Flags

    @classmethod
    def none(cls, size: int) -> Answers:
        """Nothing is known."""
        return cls(np.full(size, NOT_ASKED, np.int64), np.zeros(size, np.bool_))


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
    kind: NDArray[np.int8]
    at_open: Flags
    gap: Flags
    both: Flags
    other: Floats


def touch(
    bars: Bars, some: Candidates, price: Floats, distance: Floats, adverse: bool, rules: FillRules, known: Answers
) -> Touched:
    """Ask where a level is touched first. ``adverse``: it lies against the trade. ``known``: what these candidates were
    asked of the level before; it is used as it is."""
    side = -some.direction if adverse else some.direction
    with np.errstate(invalid="ignore"):
        fault = ~np.isfinite(price) | (distance <= 0) | (side * (price - some.entry_price) <= 0)
    bar, beyond = np.where(fault, bars.last + 1, known.bar), known.beyond
    for sign, pyramid in ((1, bars.up), (-1, bars.down)):
        asked = np.flatnonzero((side == sign) & (bar == NOT_ASKED))
        bar[asked] = pyramid.first(some.from_bar[asked], sign * price[asked])
        if rules.gap_fill == "open":
            there = asked[bar[asked] <= bars.last]
            beyond[there] = sign * (bars.open[bar[there]] - price[there]) >= 0
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
    kind = np.full(size, END, np.int8)
    for reason, holds in (  # of those that hold the last decides
        (SESSION, session_bar == bar), (TIME, time_bar == bar), (TARGET, targeted), (STOP, stopped),
        (TARGET, target_now), (STOP, stop_now), (SIGNAL, signalled),
    ):  # fmt: skip
        np.putmask(kind, holds, reason)
    stop_fill, target_fill = _fill(bars, bar, stop, beyond_stop), _fill(bars, bar, target, beyond_target)
    price = np.where(kind == STOP, stop_fill, target_fill)
    at_open = signalled | (kind == END) if rules.at_end == "open" else signalled
    for prices, holds in ((bars.open, at_open), (bars.close, (kind > SIGNAL) & ~at_open)):
        there = np.flatnonzero(holds)
        price[there] = prices[bar[there]]
    gapped = (kind == STOP) & beyond_stop | (kind == TARGET) & beyond_target
    both = stopped & targeted & ~signalled & ~beyond_stop & ~(beyond_target & (kind == TARGET))
    other = np.where(both & (kind == STOP), target_fill, np.where(both & (kind == TARGET), stop_fill, np.nan))
    return Ends(bar, price, kind, gapped | (kind == SIGNAL), gapped, both, other)


def _fill(bars: Bars, bar: Integers, level: Touched | None, beyond: Flags) -> Floats:
    """What a level gives: its price, or the open where the bar opens beyond it. Prices of bars lie far apart: only those
    that are needed are looked up."""
    if level is None:
        return np.full(len(bar), np.nan)
    fill = level.price.copy()
    there = np.flatnonzero(beyond)
    fill[there] = bars.open[bar[there]]
    return fill


def free_from(ended: Ends, rules: FillRules) -> Integers:
    """The first bar on which a new trade may be filled: at its open, or at its close for entries at the close."""
    if not rules.reentry_on_exit_bar:
        return ended.bar + (1 if rules.entry == "close" else 2)
    if rules.entry == "close":
        return ended.bar
    return ended.bar + ~ended.at_open
