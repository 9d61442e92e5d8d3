"""Parameter sets one after the other: where the candidates of each end, and which candidate can follow which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from duckbt.compiler.program import Combo, Level
from duckbt.engine.arrays.exits import Answers, Candidates, Ends, Touched, ends, free_from, touch
from duckbt.engine.arrays.market import Market, fetch
from duckbt.engine.arrays.walk import Places, following

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Ended:
    """One parameter set with the ends of all its candidates that can be traded."""

    combo: Combo
    some: Candidates
    ended: Ends
    stop_distance: NDArray[np.float64] | None
    pointers: Places


def together(threads: int) -> int:
    """So many parameter sets are walked at once. Twice as many more are in memory: those that come next are under way."""
    return max(8, 2 * threads)


def ended_sets(market: Market, pool: ThreadPoolExecutor) -> Iterator[Ended]:
    """Every parameter set; those of one signal set after each other, so that its touches are asked once."""
    program, rules = market.context.program, market.context.rules
    groups: dict[int, list[Combo]] = {}
    for combo in program.combos:
        groups.setdefault(combo.signal_set, []).append(combo)
    last_asking = {n: number for number, combos in groups.items() for n in _levels(combos)}
    levels = {level.number: level for level in program.levels}
    at_once = together(market.session.threads)
    before: Iterator[Ended] = iter(())  # handed out only when the next are under way, so that no thread waits
    for number, combos in groups.items():
        rows = market.members(number)
        c = market.columns
        later = 0 if rules.entry_bar_exits else (c["moment"][rows] == 0).astype(np.int64)
        entry_bar, first_held = c["entry_bar"][rows], c["first_held"][rows]
        some = Candidates(c["direction"][rows], entry_bar, market.bars.ts[entry_bar], c["entry_price"][rows], first_held,
                          first_held + later)  # fmt: skip
        wanted = _levels(combos)
        for n in wanted:
            if n not in market.answers:
                market.answers[n] = Answers.none(len(market.numbers))
        touches = pool.map(partial(_touched, market, rows, some), [levels[n] for n in wanted])
        touched = dict(zip(wanted, touches, strict=True))
        for n in wanted:
            if last_asking[n] == number:
                del market.answers[n]
        watched = {s: _watched(market, s, some, 1) for s in {m.exit_set for m in combos} if s is not None}
        session = None if program.session_set is None else _watched(market, program.session_set, some, 0)

        asked = _Asked(some, touched, watched, session)
        for begin in range(0, len(combos), at_once):
            under_way = pool.map(partial(_end, market, asked), combos[begin : begin + at_once])
            yield from before
            before = under_way
    yield from before


@dataclass(frozen=True)
class _Asked:
    """What the parameter sets of one signal set share: its candidates and all that may end them."""

    some: Candidates
    touched: dict[int, Touched]
    watched: dict[int, Integers]
    session: Integers | None


def _end(market: Market, asked: _Asked, combo: Combo) -> Ended:
    stop = None if combo.stop is None else asked.touched[combo.stop]
    target = None if combo.target is None else asked.touched[combo.target]
    signal = None if combo.exit_set is None else asked.watched[combo.exit_set]
    some, stop, target, signal, session = _tradable(asked.some, stop, target, signal, asked.session)
    rules = market.context.rules
    ended = ends(market.bars, some, stop, target, signal, session, combo.max_bars, rules)
    pointers = following(some.entry_bar, free_from(ended, rules))
    return Ended(combo, some, ended, stop.distance if stop else None, pointers)


def _levels(combos: Sequence[Combo]) -> list[int]:
    return sorted({n for combo in combos for n in (combo.stop, combo.target) if n is not None})


def _touched(market: Market, rows: Integers, some: Candidates, level: Level) -> Touched:
    value = market.columns[f"l{level.number}"][rows]
    side = -some.direction if level.adverse else some.direction
    price = value if level.is_price else some.entry_price + side * value
    distance = side * (price - some.entry_price) if level.is_price else value
    answers = market.answers[level.number]
    known = Answers(answers.bar[rows], answers.beyond[rows])
    touched = touch(market.bars, some, price, distance, level.adverse, market.context.rules, known)
    answers.bar[rows], answers.beyond[rows] = touched.bar, touched.beyond
    return touched


def _watched(market: Market, condition: int, some: Candidates, after: int) -> Integers:
    """The bar on which a condition ends each trade: that on which it holds, or, with ``after`` 1, the next."""
    never = market.bars.last + 1
    found = np.full(len(some.entry_bar), never, np.int64)
    for direction in (-1, 0, 1):  # 0: of both sides
        where = f"where condition = {condition} and direction = {direction}"
        stretches = fetch(market.session.connection, f"select first_bar, last_bar from stretches {where}", "first_bar")
        first, last = stretches["first_bar"], stretches["last_bar"]
        asked = np.flatnonzero(some.direction == direction) if direction else np.arange(len(found))
        place = np.searchsorted(last, some.first_held[asked])
        there = place < len(last)
        asked, place = asked[there], place[there]
        begins = np.maximum(first[place], some.first_held[asked])
        counts = begins + after <= market.bars.last
        found[asked[counts]] = begins[counts] + after
    return found


def _tradable(
    some: Candidates, stop: Touched | None, target: Touched | None, signal: Integers | None, session: Integers | None
) -> tuple[Candidates, Touched | None, Touched | None, Integers | None, Integers | None]:
    """Without the candidates that a level of the set makes impossible; mostly there are none."""
    fault = np.zeros(len(some.entry_bar), np.bool_)
    for level in (stop, target):
        if level:
            fault |= level.fault
    if not fault.any():
        return some, stop, target, signal, session
    kept = np.flatnonzero(~fault)

    def of(level: Touched | None) -> Touched | None:
        if level is None:
            return None
        return Touched(level.price[kept], level.distance[kept], level.bar[kept], level.beyond[kept], level.fault[kept])

    chosen = Candidates(some.direction[kept], some.entry_bar[kept], some.entry_us[kept], some.entry_price[kept],
                        some.first_held[kept], some.from_bar[kept])  # fmt: skip
    return (chosen, of(stop), of(target), None if signal is None else signal[kept],
            None if session is None else session[kept])  # fmt: skip
