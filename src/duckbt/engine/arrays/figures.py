"""Figures of many parameter sets by arrays. Signals come from SQL, and what is made of the sums is SQL again."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from duckbt.compiler.program import Combo
from duckbt.engine.arrays.account import Account, Trades, UnitCosts, account, sums
from duckbt.engine.arrays.market import Market, read_market
from duckbt.engine.arrays.sets import Ended, ended_sets, together
from duckbt.engine.arrays.walk import Places, walk
from duckbt.engine.context import Context
from duckbt.engine.session import Session
from duckbt.engine.step import stage
from duckbt.engine.trade_steps import metric_steps

SUMMED = 500  # parameter sets whose days are in memory, and then in SQL, at the same time


def figures(session: Session, context: Context, costs: UnitCosts) -> pa.Table:
    """One row of ``combo_metrics`` per parameter set of the context's program. The shared steps must have run."""
    made: list[tuple[Combo, dict[str, Any], Account]] = []
    tables: list[pa.Table] = []
    done = 0
    with ThreadPoolExecutor(session.threads) as pool:
        market = read_market(session, context, costs, pool)
        sets = ended_sets(market, pool)
        while batch := list(islice(sets, together(session.threads))):
            made += _accounts(market, batch, pool)
            done += len(batch)
            if len(made) >= SUMMED:
                tables.append(_figures(market, made))
                made = []
            if session.meter:
                session.meter.enter("sets")
                session.meter.move("sets", done / len(context.program.combos))
    if made:
        tables.append(_figures(market, made))
    return pa.concat_tables(tables)


def _accounts(
    market: Market, batch: Sequence[Ended], pool: ThreadPoolExecutor
) -> list[tuple[Combo, dict[str, Any], Account]]:
    """Walk all sets of a batch and add up what they took."""
    cash = market.context.strategy.size.initial_cash

    def add_up(one: Ended, taken: Places) -> tuple[Combo, dict[str, Any], Account]:
        if not len(taken):
            return one.combo, {}, account(None, market.quantity, market.costs, market.bars, market.marks, cash)
        c, e = one.some, one.ended
        distance = None if one.stop_distance is None else one.stop_distance[taken]
        trades = Trades(c.direction[taken], c.entry_bar[taken], c.entry_us[taken], c.entry_price[taken], c.first_held[taken],
                        e.bar[taken], e.price[taken], e.kind[taken], e.at_open[taken], e.gap[taken], e.both[taken],
                        e.other[taken], distance)  # fmt: skip
        row = sums(trades, market.quantity, market.costs, market.bars)
        return one.combo, row, account(trades, market.quantity, market.costs, market.bars, market.marks, cash)

    return list(pool.map(add_up, batch, walk([one.pointers for one in batch])))


def _figures(market: Market, made: list[tuple[Combo, dict[str, Any], Account]]) -> pa.Table:
    """The sums as the tables that SQL would have made, and the rest of the stages."""
    session, strategy = market.session, market.context.strategy
    counts = dict(session.rows("select signal_set, count(*) from members group by all"))
    at = market.bars.ts[market.marks].astype("datetime64[us]")
    days = pa.array(at.astype("datetime64[D]"))
    numbers = pa.array([c.combo_id for c, _, _ in made], pa.int32())
    equity = np.concatenate([a.at_marks for _, _, a in made])
    rows = [{"combo_id": c.combo_id, "scope": "all", **row} for c, row, _ in made if row]
    names = list(dict.fromkeys(name for row in rows for name in row))
    tables = {
        "made_sums": pa.table({name: [row.get(name) for row in rows] for name in names}) if rows else None,
        "made_counts": pa.table({"combo_id": numbers, "signals": [counts.get(c.signal_set, 0) for c, _, _ in made]}),
        "made_days": pa.table({"combo_id": np.repeat(numbers.to_numpy(), len(days)), "equity": equity,
                               "day": pa.chunked_array([days] * len(made))}),
        "made_marks": pa.table({"bar": market.marks, "ts": at, "close": market.bars.close[market.marks]}),
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
    for step in (
        stage("70_results/exact_sum"),
        stage("70_results/from_arrays", columns=names, initial_cash=strategy.size.initial_cash),
        stage("70_results/market_days"),
        stage("40_entries/combos", combos=[combo for combo, _, _ in made]),
        *metric_steps(market.context),
        stage("70_results/combo_metrics"),
    ):
        session.execute(step)
    return session.relation("select * from combo_metrics order by combo_id").to_arrow_table()
