"""Figures of many parameter sets by arrays. Signals come from SQL, and what is made of the sums is SQL again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from duckbt.compiler.program import Combo, Level
from duckbt.engine.arrays.account import Account, Trades, UnitCosts, account, sums
from duckbt.engine.arrays.exits import Answers, Bars, Candidates, Ends, Touched, ends, free_from, touch
from duckbt.engine.arrays.touches import Pyramid, room
from duckbt.engine.arrays.walk import Places, following, walk
from duckbt.engine.context import Context
from duckbt.engine.session import Session
from duckbt.engine.step import stage
from duckbt.engine.trade_steps import metric_steps

Integers = NDArray[np.int64]
BATCH = 200_000  # rows that come from SQL at a time
WALKED = 64  # parameter sets that walk along together; their ends are in memory at the same time


@dataclass(frozen=True)
class Ended:
    """One parameter set with the ends of all its candidates that can be traded."""

    combo: Combo
    some: Candidates
    ended: Ends
    stop_distance: NDArray[np.float64] | None
    pointers: Places


@dataclass
class Market:
    """What all parameter sets of a task share."""

    session: Session
    context: Context
    bars: Bars
    marks: Integers
    quantity: float
    costs: UnitCosts
    numbers: Integers  # of the candidates with a fill, ascending
    columns: dict[str, NDArray[Any]]
    answers: dict[int, Answers] = field(default_factory=dict)  # per level, of all candidates


def figures(session: Session, context: Context, costs: UnitCosts) -> pa.Table:
    """One row of ``combo_metrics`` per parameter set of the context's program. The shared steps must have run."""
    made: list[tuple[Combo, dict[str, Any], Account]] = []
    with ThreadPoolExecutor(session.threads) as pool:
        market = _market(session, context, costs, pool)
        batch: list[Ended] = []
        done = 0
        for ended in _ended(market, pool):
            batch.append(ended)
            if len(batch) == WALKED:
                made += _accounts(market, batch, pool)
                done += len(batch)
                batch = []
                if session.meter:
                    session.meter.enter("sets")
                    session.meter.move("sets", done / len(context.program.combos))
        made += _accounts(market, batch, pool)
    return _figures(market, made)


def _market(session: Session, context: Context, costs: UnitCosts, pool: ThreadPoolExecutor) -> Market:
    bars = _bars(session, pool)
    marks = session.relation("select bar from mark_closes order by bar").fetchnumpy()["bar"]
    (quantity,) = session.rows(f"select ({context.program.sizes[0]})::double")[0]
    values = ", ".join(
        f"coalesce(({level.sql})::double, 'nan'::double) as l{level.number}" for level in context.program.levels
    )
    columns = session.relation(
        f"select cand, direction::double as direction, entry_bar, entry_pos % 4 as moment, entry_price, first_held"
        f"{', ' + values if values else ''} from candidates where refused is null order by cand"
    ).fetchnumpy()
    return Market(session, context, bars, marks, quantity, costs, columns["cand"], columns)


def _bars(session: Session, pool: ThreadPoolExecutor) -> Bars:
    """All bars as arrays. Every thread reads a part of them, batch by batch into its place, so that none is held twice."""
    (size,) = session.rows("select count(*) from bars")[0]
    arrays = {"ts": np.empty(size, np.int64), "open": np.empty(size), "close": np.empty(size), "up": room(size),
              "down": room(size)}  # fmt: skip

    def read(part: int) -> None:
        begin, end = size * part // session.threads, size * (part + 1) // session.threads
        sql = (
            "select epoch_us(ts) as ts, open, close, greatest(high, open) as up, -least(low, open) as down "
            f"from bars where bar >= {begin} and bar < {end}"
        )
        with session.connection.cursor() as cursor:
            for batch in cursor.sql(sql).to_arrow_reader(BATCH):
                for name, column in zip(batch.schema.names, batch.columns, strict=True):
                    arrays[name][begin : begin + len(batch)] = column.to_numpy()
                begin += len(batch)

    list(pool.map(read, range(session.threads)))
    rising, falling = pool.map(partial(Pyramid, bars=size), (arrays["up"], arrays["down"]))
    return Bars(arrays["ts"], arrays["open"], arrays["close"], rising, falling)


def _ended(market: Market, pool: ThreadPoolExecutor) -> Iterator[Ended]:
    """Every parameter set; those of one signal set after each other, so that its touches are asked once."""
    program, rules = market.context.program, market.context.rules
    groups: dict[int, list[Combo]] = {}
    for combo in program.combos:
        groups.setdefault(combo.signal_set, []).append(combo)
    last_asking = {n: number for number, combos in groups.items() for n in _levels(combos)}
    levels = {level.number: level for level in program.levels}
    for number, combos in groups.items():
        members = market.session.relation(
            f"select cand from members where signal_set = {number} and not conflict order by cand"
        ).fetchnumpy()["cand"]
        place = np.searchsorted(market.numbers, members)
        rows = (
            place[(place < len(market.numbers)) & (market.numbers[np.minimum(place, len(market.numbers) - 1)] == members)]
            if len(market.numbers)
            else place[:0]
        )
        c = market.columns
        later = 0 if rules.entry_bar_exits else (c["moment"][rows] == 0).astype(np.int64)
        some = Candidates(c["direction"][rows], c["entry_bar"][rows], c["entry_price"][rows], c["first_held"][rows],
                          c["first_held"][rows] + later)  # fmt: skip
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
        for begin in range(0, len(combos), WALKED):
            yield from pool.map(partial(_end, market, asked), combos[begin : begin + WALKED])


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
    stretches = market.session.relation(
        f"select direction, first_bar, last_bar from stretches where condition = {condition} order by first_bar"
    ).fetchnumpy()
    for direction in np.unique(stretches["direction"]):
        own = stretches["direction"] == direction
        first, last = stretches["first_bar"][own], stretches["last_bar"][own]
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

    chosen = Candidates(some.direction[kept], some.entry_bar[kept], some.entry_price[kept], some.first_held[kept],
                        some.from_bar[kept])  # fmt: skip
    return (chosen, of(stop), of(target), None if signal is None else signal[kept],
            None if session is None else session[kept])  # fmt: skip


def _accounts(
    market: Market, batch: Sequence[Ended], pool: ThreadPoolExecutor
) -> list[tuple[Combo, dict[str, Any], Account]]:
    """Walk all sets of a batch and add up what they took."""
    if not batch:
        return []
    cash = market.context.strategy.size.initial_cash

    def add_up(one: Ended, taken: Places) -> tuple[Combo, dict[str, Any], Account]:
        if not len(taken):
            return one.combo, {}, account(None, market.quantity, market.costs, market.bars, market.marks, cash)
        c, e = one.some, one.ended
        distance = None if one.stop_distance is None else one.stop_distance[taken]
        trades = Trades(c.direction[taken], c.entry_bar[taken], c.entry_price[taken], c.first_held[taken], e.bar[taken],
                        e.price[taken], e.kind[taken], e.at_open[taken], e.gap[taken], e.both[taken], e.other[taken],
                        distance)  # fmt: skip
        row = sums(trades, market.quantity, market.costs, market.bars)
        return one.combo, row, account(trades, market.quantity, market.costs, market.bars, market.marks, cash)

    return list(pool.map(add_up, batch, walk([one.pointers for one in batch])))


def _figures(market: Market, made: list[tuple[Combo, dict[str, Any], Account]]) -> pa.Table:
    """The sums as the tables that SQL would have made, and the rest of the stages."""
    session, program, strategy = market.session, market.context.program, market.context.strategy
    counts = dict(session.rows("select signal_set, count(*) from members group by all"))
    days = session.relation("select ts::date as day from mark_closes order by bar").to_arrow_table()["day"]
    numbers = pa.array([c.combo_id for c, _, _ in made], pa.int32())
    equity = np.concatenate([a.at_marks for _, _, a in made])
    rows = [{"combo_id": c.combo_id, "scope": "all", **row} for c, row, _ in made if row]
    names = list(dict.fromkeys(name for row in rows for name in row))
    tables = {
        "made_sums": pa.table({name: [row.get(name) for row in rows] for name in names}) if rows else None,
        "made_counts": pa.table({"combo_id": numbers, "signals": [counts.get(c.signal_set, 0) for c, _, _ in made]}),
        "made_days": pa.table({"combo_id": np.repeat(numbers.to_numpy(), len(days)), "equity": equity,
                               "day": pa.chunked_array(days.chunks * len(made))}),
        "made_falls": pa.table({
            "combo_id": np.repeat(numbers.to_numpy(), [len(a.depths) for _, _, a in made]),
            "depth": np.concatenate([a.depths for _, _, a in made]), "days": np.concatenate([a.days for _, _, a in made]),
        }),
        "made_ends": pa.table({"combo_id": numbers} | {
            name: [a.ends[i] for _, _, a in made]
            for i, name in enumerate(("final_equity", "peak_equity", "lowest_equity", "max_gross_exposure"))
        }),
    }  # fmt: skip
    for name, table in tables.items():
        if table is not None:
            session.connection.register(name, table)
    session.execute(stage("70_results/from_arrays", columns=names,
                          initial_cash=strategy.size.initial_cash))  # fmt: skip
    steps = [stage("40_entries/combos", combos=program.combos), *metric_steps(market.context)]
    for step in [*steps, stage("70_results/combo_metrics")]:
        session.execute(step)
    return session.relation("select * from combo_metrics order by combo_id").to_arrow_table()
