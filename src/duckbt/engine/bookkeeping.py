"""The account as a ledger: trade by trade where one trade's size or place depends on the others.

This is the one loop of the engine. It runs over possible trades in the order of their entries, never over bars: what a
trade does, and when it ends, has been settled in SQL; here only its size and its admission are decided.
"""

from __future__ import annotations

import heapq
import math
from itertools import pairwise

import duckdb
import numpy as np

from duckbt.engine.ledger import IN_POSITION, NO_CASH, NO_PLACE, NO_SIZE, STATUSES, TAKEN, Ledger


def run_ledger(connection: duckdb.DuckDBPyConnection, rules: Ledger) -> None:
    """Reads ``ledger_events`` (in entry order), writes ``ledger(combo_id, cand, status, quantity)``."""
    columns = connection.execute("select * from ledger_events").fetchnumpy()
    first = np.flatnonzero(columns["leg"] == 1)
    combos = columns["combo_id"][first]
    status = np.empty(len(first), np.int8)
    quantity = np.zeros(len(first))
    borders = np.append(np.flatnonzero(np.diff(combos, prepend=-1)), len(first))
    for begin, end in pairwise(borders):
        decided, sizes = _one_account(columns, first, int(begin), int(end), rules)
        status[begin:end], quantity[begin:end] = decided, sizes
    result = {
        "combo_id": combos.astype(np.int32),
        "cand": columns["cand"][first].astype(np.int64),
        "status": status,
        "quantity": quantity,
    }
    connection.register("ledger_result", result)
    names = ", ".join(f"'{s}'" for s in STATUSES)
    connection.execute(
        f"create or replace table ledger as select combo_id, cand, ([{names}])[status + 1] as status, quantity "
        "from ledger_result order by combo_id, cand"
    ).fetchall()
    connection.unregister("ledger_result")


def _one_account(
    columns: dict[str, np.ndarray], first: np.ndarray, begin: int, end: int, rules: Ledger
) -> tuple[list[int], list[float]]:
    """Status and units of the trades ``begin`` to ``end - 1`` (rows of ``first``), in order of entry."""
    ends = np.append(first, len(columns["leg"]))
    rows = slice(int(first[begin]), int(ends[end]))

    def values(name: str) -> list[float]:
        column = columns[name]
        filled = np.ma.filled(column.astype(float), np.nan) if np.ma.isMaskedArray(column) else column
        found: list[float] = filled[first[begin:end]].tolist()
        return found

    entry_at, entry_pos, free_pos, place = (values(n) for n in ("entry_at", "entry_pos", "free_pos", "place"))
    unit_value, unit_risk, wanted = (values(n) for n in ("unit_value", "unit_risk", "value"))
    leg_at, leg_pnl = columns["leg_at"][rows].tolist(), columns["unit_pnl"][rows].tolist()
    starts = (ends[begin : end + 1] - ends[begin]).tolist()
    mode, lot, cash = rules.mode, rules.lot, rules.initial_cash
    equity = cash
    open_positions, exposed = 0, 0.0
    per_symbol: dict[float, int] = {}
    free: dict[float, float] = {}
    pending: list[tuple[int, int, float, float, float, bool]] = []  # moment, order, pnl, value, place, last part
    decided, sizes = [], []
    count = 0
    for i in range(end - begin):
        now, symbol = entry_at[i], place[i]
        while pending and pending[0][0] <= now:
            _, _, pnl, value, where, last = heapq.heappop(pending)
            equity += pnl
            if last:
                open_positions -= 1
                exposed -= value
                per_symbol[where] -= 1
        sizes.append(0.0)
        if rules.one_per_symbol and entry_pos[i] < free.get(symbol, -1.0):
            decided.append(IN_POSITION)
            continue
        if (rules.max_positions is not None and open_positions >= rules.max_positions) or (
            rules.max_per_symbol is not None and per_symbol.get(symbol, 0) >= rules.max_per_symbol
        ):
            decided.append(NO_PLACE)
            continue
        base = equity if rules.compounding else cash
        units = wanted[i]
        if mode == "notional":
            units = units / unit_value[i]
        elif mode == "equity_fraction":
            units = units * base / unit_value[i]
        elif mode == "risk":
            units = units * base / unit_risk[i]
        if lot and math.isfinite(units):
            units = math.floor(units / lot) * lot
        if not units > 0 or not math.isfinite(units):
            decided.append(NO_SIZE)
            continue
        value = units * unit_value[i]
        if rules.leverage is not None and exposed + value > rules.leverage * equity:
            decided.append(NO_CASH)
            continue
        decided.append(TAKEN)
        sizes[-1] = units
        open_positions += 1
        exposed += value
        per_symbol[symbol] = per_symbol.get(symbol, 0) + 1
        free[symbol] = free_pos[i]
        begin_leg, end_leg = starts[i], starts[i + 1]
        for leg in range(begin_leg, end_leg):
            count += 1
            last = leg == end_leg - 1
            pnl = leg_pnl[leg] * units - (rules.per_trade if last else 0.0)
            heapq.heappush(pending, (leg_at[leg], count, pnl, value, symbol, last))
    return decided, sizes
