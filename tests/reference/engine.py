"""A bar-by-bar backtester in plain Python, written from docs/semantics.md and from nothing else.

It is the oracle of the SQL engine and the unoptimised baseline of benchmarks: one loop over bars, one position at a
time, every rule an ``if``. Signals and levels come in as values per bar, so that no indicator code is shared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Distance = Callable[[int, float, int, float | None], float | None]  # (signal bar, entry, direction, stop distance)


@dataclass(frozen=True)
class Bar:
    """One bar; ``ts`` is anything that orders."""

    ts: Any
    open: float
    high: float
    low: float
    close: float


@dataclass(frozen=True)
class Scale:
    """A partial exit at a distance in favour."""

    at: Distance
    fraction: float


@dataclass
class Rules:
    """The strategy: conditions as lists of booleans per bar, levels as functions of the signal bar."""

    long: Sequence[bool]
    short: Sequence[bool]
    entry: str = "next_open"  # next_open, close, limit, stop
    entry_price: Callable[[int, int], float | None] | None = None  # (signal bar, direction) for limit and stop
    valid_bars: int = 1
    cancel: Sequence[bool] | None = None
    stop: Distance | None = None
    target: Distance | None = None
    trail: Distance | None = None
    trail_after: Distance | None = None
    trail_price: Callable[[int, int], float | None] | None = None  # (bar, direction)
    breakeven_at: Distance | None = None
    breakeven_to: Callable[[int, float, int, float | None], float | None] | None = None
    scale_out: Sequence[Scale] = ()
    max_bars: int | None = None
    exit_long: Sequence[bool] | None = None
    exit_short: Sequence[bool] | None = None
    reverse: bool = False
    flat_when: Sequence[bool] | None = None
    same_bar: str = "stop_first"  # target_first, stop_first_always
    entry_bar_exits: bool = True
    overlap: str = "one"  # stack
    gap_fill: str = "open"  # level, inside_bar
    target_touch: str = "at"  # beyond
    trail_high: str = "previous"  # same_bar
    reentry_on_exit_bar: bool = True
    at_end: str = "close"  # open


@dataclass
class Trade:
    """A finished position. ``legs``: (bar, price, fraction, reason) in the order they were filled."""

    signal_bar: int
    direction: int
    entry_bar: int
    entry_price: float
    exit_bar: int = -1
    exit_price: float = math.nan
    reason: str = ""
    gap: bool = False
    ambiguous: bool = False
    stop_price: float | None = None
    target_price: float | None = None
    legs: list[tuple[int, float, float, str]] = field(default_factory=list)


@dataclass
class Position:
    trade: Trade
    phase: int  # 0 at the open, 1 inside, 2 at the close
    kind: str  # how it was entered
    first_held: int
    stop: float | None
    target: float | None
    distance: float | None  # of the trail
    activation: float | None
    trailing: bool
    best: float  # best price since entry, for the trail
    moving: float | None  # trail_price ratchet
    breakeven_at: float | None
    breakeven_to: float | None
    breakeven: bool
    scales: list[tuple[float, float]]
    remaining: float = 1.0
    exit_at_open: bool = False


@dataclass
class Order:
    signal_bar: int
    direction: int
    price: float | None
    last_bar: int


def simulate(bars: Sequence[Bar], rules: Rules) -> tuple[list[Trade], dict[tuple[int, int], str]]:
    """Trades in order of entry, and the status of every signal (bar, direction)."""
    return Simulation(bars, rules).run()


class Simulation:
    def __init__(self, bars: Sequence[Bar], rules: Rules) -> None:
        self.bars, self.rules = bars, rules
        self.positions: list[Position] = []
        self.orders: list[Order] = []
        self.trades: list[Trade] = []
        self.status: dict[tuple[int, int], str] = {}
        self.exits: dict[int, list[int]] = {}  # bar → moments at which positions ended there

    def run(self) -> tuple[list[Trade], dict[tuple[int, int], str]]:
        for i in range(len(self.bars)):
            self.at_open(i)
            self.inside(i)
            self.at_close(i)
        for order in self.orders:
            self.status[order.signal_bar, order.direction] = "expired"
        self.trades.sort(key=lambda t: (t.entry_bar, t.signal_bar, -t.direction))
        return self.trades, self.status

    # -- the open ------------------------------------------------------------------------------------------------------

    def at_open(self, i: int) -> None:
        bar, rules = self.bars[i], self.rules
        for p in list(self.positions):
            d, _t = p.trade.direction, p.trade
            if p.exit_at_open:
                self.close(p, i, bar.open, "signal", 0)
                continue
            if i < self.first_watched(p):
                continue
            stop, reason = self.stop_of(p, i, at_open=True)
            hit_stop = stop is not None and d * (bar.open - stop) <= 0
            if hit_stop and rules.gap_fill == "open":
                self.close(p, i, bar.open, reason, 0, gap=True)
                continue
            if hit_stop:
                continue  # other gap rules fill inside the bar
            if rules.gap_fill != "open":
                continue
            if rules.same_bar == "stop_first_always" and self.touches_stop(p, i):
                continue
            self.scale_out(p, i, at_open=True)
            if p.target is not None and self.beyond(d, bar.open, p.target):
                self.close(p, i, bar.open, "target", 0, gap=True)
        for order in list(self.orders):
            price = order.price
            d = order.direction
            if price is None or d * (bar.open - price) * (1 if rules.entry == "stop" else -1) >= 0:  # a market order
                self.orders.remove(order)
                self.enter(order, i, bar.open, 0)

    def first_watched(self, p: Position) -> int:
        """The first bar whose prices may end the trade."""
        return p.first_held + (0 if self.rules.entry_bar_exits or p.phase == 2 else 1)

    def beyond(self, direction: int, price: float, target: float) -> bool:
        ahead = direction * (price - target)
        return ahead >= 0 if self.rules.target_touch == "at" else ahead > 0

    # -- inside the bar ------------------------------------------------------------------------------------------------

    def inside(self, i: int) -> None:
        bar, rules = self.bars[i], self.rules
        held = list(self.positions)
        free = not held
        for p in held:
            if i >= self.first_watched(p):
                self.resolve(p, i)
        for order in list(self.orders):
            price, d = order.price, order.direction
            assert price is not None
            touched = (
                (bar.high >= price if d > 0 else bar.low <= price)
                if rules.entry == "stop"
                else (bar.low <= price if d > 0 else bar.high >= price)
            )
            if touched:
                self.orders.remove(order)
                p = self.enter(order, i, price, 1, free=free)
                if p is not None:
                    free = False
                    if rules.entry_bar_exits:
                        self.resolve_entry_bar(p, i)

    def extremes(self, i: int) -> tuple[float, float]:
        bar = self.bars[i]
        return min(bar.low, bar.open), max(bar.high, bar.open)

    def touches_stop(self, p: Position, i: int) -> bool:
        stop, _ = self.stop_of(p, i)
        low, high = self.extremes(i)
        return stop is not None and (low <= stop if p.trade.direction > 0 else high >= stop)

    def touches(self, direction: int, i: int, price: float) -> bool:
        low, high = self.extremes(i)
        if self.rules.target_touch == "beyond":
            return high > price if direction > 0 else low < price
        return high >= price if direction > 0 else low <= price

    def resolve(self, p: Position, i: int) -> None:
        """Stop, target and the levels on the way, on a bar that the position sees from its open on."""
        rules, d = self.rules, p.trade.direction
        stop, reason = self.stop_of(p, i)
        hit_stop = self.touches_stop(p, i)
        hit_target = p.target is not None and self.touches(d, i, p.target)
        if hit_stop and hit_target:
            p.trade.ambiguous = True
        if hit_stop and any(self.touches(d, i, price) for price, _ in p.scales):
            p.trade.ambiguous = True
        target_first = rules.same_bar == "target_first"
        if hit_stop and not (hit_target and target_first):
            if target_first:
                self.scale_out(p, i)
            assert stop is not None
            before = self.stop_of(p, i, at_open=True)[0]
            raised = before is None or d * (stop - before) > 0  # by this very bar: it was not there at the open
            self.close(p, i, stop if raised else self.gap_price(p, i, stop, stop=True), reason, 2)
            return
        if hit_target:
            assert p.target is not None
            price = self.gap_price(p, i, p.target, stop=False)
            self.scale_out(p, i, until=price)
            self.close(p, i, price, "target", 2)
            return
        self.scale_out(p, i)
        self.advance(p, i, self.best_of(p, i))

    def best_of(self, p: Position, i: int) -> float:
        low, high = self.extremes(i)
        return high if p.trade.direction > 0 else low

    def resolve_entry_bar(self, p: Position, i: int) -> None:
        """The bar inside which an order was filled: only what surely came after the fill counts in favour."""
        rules, d, bar = self.rules, p.trade.direction, self.bars[i]
        stop, reason = self.stop_of(p, i, at_open=True)
        low, high = self.extremes(i)
        adverse = stop is not None and (low <= stop if d > 0 else high >= stop)
        adverse_sure = adverse if rules.entry == "limit" else stop is not None and d * (bar.close - stop) <= 0
        favour_max = (high if d > 0 else low) if rules.entry == "stop" else bar.close
        favour_possible = high if d > 0 else low
        optimist = rules.same_bar == "target_first"
        hit_stop = adverse_sure if optimist else adverse
        reach = favour_possible if optimist else favour_max
        hit_target = p.target is not None and self.beyond(d, reach, p.target)
        possible_target = p.target is not None and self.beyond(d, favour_possible, p.target)
        possible_scale = any(self.beyond(d, favour_possible, price) for price, _ in p.scales)
        if (adverse and (possible_target or possible_scale)) or (adverse and not adverse_sure):
            p.trade.ambiguous = True
        if not adverse and (possible_target and not self.beyond(d, favour_max, p.target or 0.0)):
            p.trade.ambiguous = True
        if hit_stop and not (hit_target and optimist):
            if optimist:
                self.scale_to(p, i, reach)
            assert stop is not None
            self.close(p, i, stop, reason, 2)
            return
        self.scale_to(p, i, reach, until=p.target if hit_target else None)
        if hit_target:
            assert p.target is not None
            self.close(p, i, p.target, "target", 2)
            return
        self.advance(p, i, favour_max)

    def scale_to(self, p: Position, i: int, reach: float, until: float | None = None) -> None:
        d = p.trade.direction
        for price, fraction in list(p.scales):
            if self.beyond(d, reach, price) and (until is None or d * (price - until) <= 0):
                p.scales.remove((price, fraction))
                p.remaining -= fraction
                p.trade.legs.append((i, price, fraction, "scale_out"))

    def scale_out(self, p: Position, i: int, at_open: bool = False, until: float | None = None) -> None:
        """Take the parts that the bar reaches; ``until``: not those beyond the price at which the whole position ends."""
        d, bar = p.trade.direction, self.bars[i]
        for price, fraction in list(p.scales):
            if at_open:
                if self.beyond(d, bar.open, price):
                    p.scales.remove((price, fraction))
                    p.remaining -= fraction
                    p.trade.legs.append((i, bar.open, fraction, "scale_out"))
            elif self.touches(d, i, price) and (until is None or d * (price - until) <= 0):
                p.scales.remove((price, fraction))
                p.remaining -= fraction
                p.trade.legs.append((i, self.gap_price(p, i, price, stop=False), fraction, "scale_out"))

    def gap_price(self, p: Position, i: int, level: float, stop: bool) -> float:
        """Fill inside the bar; at the open where the bar opened beyond the level and the rules say so."""
        bar, d = self.bars[i], p.trade.direction
        gapped = d * (bar.open - level) <= 0 if stop else d * (bar.open - level) >= 0
        low, high = self.extremes(i)
        if not gapped or self.rules.gap_fill == "level":
            return level
        if self.rules.gap_fill == "open":
            return bar.open
        if stop:
            whole_bar_beyond = high < level if d > 0 else low > level
            return bar.open if whole_bar_beyond else level
        return max(level, low) if d > 0 else min(level, high)

    def stop_of(self, p: Position, i: int, at_open: bool = False) -> tuple[float | None, str]:
        """The best stop that holds for bar i, and what to call it."""
        d = p.trade.direction
        best, reason = p.stop, "stop"
        levels: list[tuple[float | None, str]] = []
        if p.breakeven:
            levels.append((p.breakeven_to, "breakeven"))
        if p.distance is not None and p.trailing:
            reached = p.best
            if self.rules.trail_high == "same_bar" and not at_open and not self.reaches_old_stop(p, i):
                reached = max(reached, self.best_of(p, i)) if d > 0 else min(reached, self.best_of(p, i))
            levels.append((reached - d * p.distance, "trail"))
        if p.moving is not None:
            levels.append((p.moving, "trail"))
        for level, name in levels:
            if level is not None and (best is None or d * (level - best) > 0):
                best, reason = level, name
        return best, reason

    def reaches_old_stop(self, p: Position, i: int) -> bool:
        d, low_high = p.trade.direction, self.extremes(i)
        assert p.distance is not None
        old = p.best - d * p.distance
        if p.stop is not None:
            old = max(old, p.stop) if d > 0 else min(old, p.stop)
        return low_high[0] <= old if d > 0 else low_high[1] >= old

    def advance(self, p: Position, i: int, reached: float) -> None:
        """After the bar: what it reached moves the trail and the break-even for the next one."""
        d = p.trade.direction
        p.best = max(p.best, reached) if d > 0 else min(p.best, reached)
        if p.activation is not None and not p.trailing and self.beyond_at(d, reached, p.activation):
            p.trailing = True
        if p.breakeven_at is not None and self.beyond_at(d, reached, p.breakeven_at):
            p.breakeven = True

    def beyond_at(self, direction: int, price: float, level: float) -> bool:
        return direction * (price - level) >= 0

    # -- the close -----------------------------------------------------------------------------------------------------

    def at_close(self, i: int) -> None:
        bar, rules = self.bars[i], self.rules
        last = i == len(self.bars) - 1
        for p in list(self.positions):
            held = i - p.first_held + 1
            if rules.max_bars is not None and held >= rules.max_bars and held >= 1:
                self.close(p, i, bar.close, "time", 2)
            elif rules.flat_when is not None and rules.flat_when[i] and held >= 1:
                self.close(p, i, bar.close, "session", 2)
            elif last:
                self.close(p, i, bar.open if rules.at_end == "open" else bar.close, "end_of_data", 2)
        self.signals(i)
        for p in self.positions:
            d = p.trade.direction
            if i >= p.first_held:
                signal = rules.exit_long if d > 0 else rules.exit_short
                wanted = signal is not None and signal[i]
                if rules.reverse and bool(rules.long[i]) != bool(rules.short[i]):
                    wanted = wanted or bool((rules.short if d > 0 else rules.long)[i])
                p.exit_at_open = wanted
            if rules.trail_price is not None and i >= p.trade.entry_bar and i > p.trade.signal_bar:
                level = rules.trail_price(i, d)
                if level is not None:
                    p.moving = level if p.moving is None else (max(p.moving, level) if d > 0 else min(p.moving, level))
        for order in list(self.orders):
            if order.signal_bar == i:
                continue
            if rules.cancel is not None and rules.cancel[i]:
                self.orders.remove(order)
                self.status[order.signal_bar, order.direction] = "cancelled"
            elif i >= order.last_bar:
                self.orders.remove(order)
                self.status[order.signal_bar, order.direction] = "expired"

    def signals(self, i: int) -> None:
        rules = self.rules
        sides = [d for d, fired in ((1, rules.long[i]), (-1, rules.short[i])) if fired]
        for d in sides:
            if len(sides) > 1:
                self.status[i, d] = "conflict"
                continue
            if rules.flat_when is not None and rules.flat_when[i]:
                self.status[i, d] = "session"
                continue
            if rules.entry == "close":
                self.enter(Order(i, d, None, i), i, self.bars[i].close, 2)
                continue
            if i == len(self.bars) - 1:
                self.status[i, d] = "last_bar"
                continue
            price = None
            if rules.entry in ("limit", "stop"):
                assert rules.entry_price is not None
                price = rules.entry_price(i, d)
                if price is None:
                    self.status[i, d] = "rejected_levels"
                    continue
            self.orders.append(Order(i, d, price, i + rules.valid_bars))

    # -- entering and leaving ------------------------------------------------------------------------------------------

    def enter(self, order: Order, i: int, price: float, phase: int, free: bool | None = None) -> Position | None:
        rules, d, s = self.rules, order.direction, order.signal_bar
        key = (s, d)
        stop_distance = rules.stop(s, price, d, None) if rules.stop else None
        levels = [
            f(s, price, d, stop_distance) for f in (rules.target, rules.trail, rules.trail_after, rules.breakeven_at) if f
        ]
        levels += [scale.at(s, price, d, stop_distance) for scale in rules.scale_out]
        levels += [stop_distance] if rules.stop else []
        moving = rules.trail_price(s, d) if rules.trail_price else None
        levels += [None if moving is None else d * (price - moving)] if rules.trail_price else []
        if any(v is None or v <= 0 for v in levels):
            self.status[key] = "rejected_levels"
            return None
        if phase == 2 and i == len(self.bars) - 1:
            self.status[key] = "last_bar"
            return None
        free = (not self.positions) if free is None else free
        if rules.overlap == "one" and not free:
            self.status[key] = "in_position"
            return None
        if not rules.reentry_on_exit_bar and any(s <= x for x in self.exits):
            self.status[key] = "in_position"
            return None
        self.status[key] = "taken"
        trade = Trade(s, d, i, price)
        target = rules.target(s, price, d, stop_distance) if rules.target else None
        activation = rules.trail_after(s, price, d, stop_distance) if rules.trail_after else None
        breakeven = rules.breakeven_at(s, price, d, stop_distance) if rules.breakeven_at else None
        trade.stop_price = None if stop_distance is None else price - d * stop_distance
        trade.target_price = None if target is None else price + d * target
        position = Position(
            trade, phase, rules.entry, i + (1 if phase == 2 else 0), trade.stop_price, trade.target_price,
            rules.trail(s, price, d, stop_distance) if rules.trail else None,
            None if activation is None else price + d * activation, activation is None, price, moving,
            None if breakeven is None else price + d * breakeven,
            rules.breakeven_to(s, price, d, stop_distance) if rules.breakeven_to else price, False,
            sorted(
                ((price + d * (x.at(s, price, d, stop_distance) or 0.0), x.fraction) for x in rules.scale_out),
                key=lambda e: d * e[0],
            ),
        )  # fmt: skip
        self.positions.append(position)
        return position

    def close(self, p: Position, i: int, price: float, reason: str, moment: int, gap: bool | None = None) -> None:
        t = p.trade
        t.exit_bar, t.exit_price, t.reason = i, price, reason
        level = self.stop_of(p, i)[0] if reason in ("stop", "trail", "breakeven") else p.target
        if gap is None:
            gap = reason in ("stop", "trail", "breakeven", "target") and price != level and level is not None
        t.gap = bool(gap)
        t.legs.append((i, price, p.remaining, reason))
        self.positions.remove(p)
        self.exits.setdefault(i, []).append(moment)
        self.trades.append(t)
