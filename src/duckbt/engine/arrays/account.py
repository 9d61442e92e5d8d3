"""What the trades of one parameter set amount to: the sums of sql/70_results/trade_sums, and the account over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from duckbt.engine.arrays.exact import as_double, exact_sum, grouped_sum, rounded, running_sum, total
from duckbt.engine.arrays.exits import END, TARGET, Bars

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class UnitCosts:
    """Costs per unit: spread and slippage at entry and exit as a constant or a fraction of the price; see unit_costs.sql."""

    spread: float = 0.0
    spread_rate: float = 0.0
    slippage: float = 0.0
    slippage_rate: float = 0.0
    per_unit: float = 0.0
    rate: float = 0.0
    per_trade: float = 0.0
    quote: str = "mid"
    any: bool = False


@dataclass(frozen=True)
class Trades:
    """The trades of one set, in order."""

    direction: Floats
    entry_bar: Integers
    entry_us: Integers
    entry_price: Floats
    first_held: Integers
    bar: Integers
    price: Floats
    kind: NDArray[np.int8]
    at_open: NDArray[np.bool_]
    gap: NDArray[np.bool_]
    both: NDArray[np.bool_]
    other: Floats
    stop_distance: Floats | None


def money(trades: Trades, quantity: float, costs: UnitCosts) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """(gross, spread, slippage, commission, costs) of every trade, operation by operation as the SQL does it."""
    t = trades
    gross = t.direction * (t.price - t.entry_price) * quantity
    if not costs.any:
        zero = np.zeros(len(gross))
        return gross, zero, zero, zero, zero
    entry_spread, exit_spread = (
        np.full(len(gross), costs.spread) if not costs.spread_rate else costs.spread_rate * p
        for p in (t.entry_price, t.price)
    )
    if costs.quote == "mid":
        entry_spread, exit_spread = entry_spread / 2, exit_spread / 2
    else:
        entry_spread = np.where(t.direction > 0, entry_spread, 0.0)
        exit_spread = np.where(t.direction > 0, 0.0, exit_spread)
    entry_slip, exit_slip = (
        np.full(len(gross), costs.slippage) if not costs.slippage_rate else costs.slippage_rate * p
        for p in (t.entry_price, t.price)
    )
    exit_slip = np.where(t.kind == TARGET, 0.0, exit_slip)
    spread = (entry_spread + exit_spread) * quantity
    slippage = (entry_slip + exit_slip) * quantity
    commission = (costs.per_unit * 2 + costs.rate * (t.entry_price + t.price)) * quantity + costs.per_trade
    return gross, spread, slippage, commission, spread + slippage + commission + 0.0


def sums(trades: Trades, quantity: float, costs: UnitCosts, bars: Bars) -> dict[str, Any]:
    """The row of trade_sums for all trades (those columns that are not NULL)."""
    t = trades
    gross, spread, slippage, commission, cost = money(t, quantity, costs)
    pnl = gross - cost
    won, lost = pnl > 0, pnl < 0
    all_of_it, gains = total(pnl), total(pnl[won])
    longest_wins, longest_losses = longest_runs(won)
    held = t.bar - t.first_held + np.where(t.at_open, 0, 1)
    lasted = bars.ts[t.bar] - t.entry_us
    returned = 100 * pnl / (t.entry_price * quantity)
    net = as_double(all_of_it)
    deviation = pnl - net / len(pnl)
    row: dict[str, Any] = {
        "trades": len(pnl), "winning_trades": int(won.sum()), "losing_trades": int(lost.sum()),
        "net_pnl": net, "gross_pnl": exact_sum(gross) if costs.any else net, "costs": exact_sum(cost) if costs.any else 0.0,
        "won": as_double(gains), "lost": as_double(all_of_it - gains), "best_trade": pnl.max(), "worst_trade": pnl.min(),
        "sum_return": exact_sum(returned), "best_trade_pct": returned.max(), "worst_trade_pct": returned.min(),
        "sum_us": float(lasted.sum()), "max_us": float(lasted.max()), "win_bars": float(held[won].sum()),
        "loss_bars": float(held[lost].sum()), "bars_in_market": float(held.sum()),
        "spread_costs": exact_sum(spread) if costs.any else 0.0, "slippage_costs": exact_sum(slippage) if costs.any else 0.0,
        "commissions": exact_sum(commission) if costs.any else 0.0, "financing": 0.0,
        "end_of_data_trades": int((t.kind == END).sum()), "ambiguous_trades": int(t.both.sum()),
        "gap_trades": int(t.gap.sum()), "squares": exact_sum(deviation * deviation),
        "longest_wins": longest_wins, "longest_losses": longest_losses, "count_r": 0,
    }  # fmt: skip
    if t.stop_distance is not None:
        row |= {"sum_r": exact_sum(pnl / (t.stop_distance * quantity)), "count_r": len(pnl)}
    if t.both.any():
        changed = t.direction[t.both] * (t.other[t.both] - t.price[t.both]) * quantity
        row["ambiguous_pnl"] = exact_sum(np.abs(changed))
    return row


def longest_runs(flags: NDArray[np.bool_]) -> tuple[int, int]:
    """Lengths of the longest stretches of true and of false values; ``flags``: one or more."""
    bounds = np.concatenate([[0], np.flatnonzero(flags[1:] != flags[:-1]) + 1, [len(flags)]])
    lengths = np.diff(bounds)
    first, second = int(lengths[::2].max(initial=0)), int(lengths[1::2].max(initial=0))
    return (first, second) if flags[0] else (second, first)


@dataclass(frozen=True)
class Account:
    """Equity at the marks that are asked for (``at_marks``), drawdowns (depth, days), and the row of account_ends."""

    at_marks: Floats
    depths: Floats
    days: Floats
    ends: tuple[float, float, float, float]


def account(trades: Trades | None, quantity: float, costs: UnitCosts, bars: Bars, marks: Integers, cash: float) -> Account:
    """The account at every bar on which a trade ended and at ``marks`` (bar numbers, ascending)."""
    if trades is None:
        return _valued(marks, np.full(len(marks), cash), np.zeros(len(marks)), np.arange(len(marks)), bars, cash)
    t = trades
    gross, _, _, _, cost = money(t, quantity, costs)
    begins = np.flatnonzero(np.concatenate([[True], t.bar[1:] != t.bar[:-1]]))
    ended = t.bar[begins]
    brought = gross - cost
    closed = grouped_sum(brought, begins) if len(begins) < len(brought) else rounded(brought)
    place = np.searchsorted(ended, marks)
    fresh = (place == len(ended)) | (ended[np.minimum(place, len(ended) - 1)] != marks)
    moments = np.insert(ended, place[fresh], marks[fresh])
    added = np.insert(closed, place[fresh], 0.0)
    realised = cash + running_sum(added)
    # the trade that is open at a mark: the last one filled by then, unless it has ended; after an end only the next can be
    at_mark = np.searchsorted(t.entry_bar, marks[fresh], side="right") - 1
    after = np.append(begins[1:], -1)
    after[:-1][t.entry_bar[begins[1:]] > ended[:-1]] = -1
    last = np.insert(after, place[fresh], at_mark)
    holding = np.flatnonzero((last >= 0) & (t.bar[last] > moments))
    of = last[holding]
    price = bars.close[moments[holding]]
    floating, exposed = np.zeros(len(moments)), np.zeros(len(moments))
    floating[holding] = rounded(t.direction[of] * quantity * (price - t.entry_price[of]))
    exposed[holding] = rounded(abs(quantity) * price)
    return _valued(moments, realised + floating, exposed, np.searchsorted(moments, marks), bars, cash)


def _valued(moments: Integers, equity: Floats, exposed: Floats, at: Integers, bars: Bars, cash: float) -> Account:
    drawdown = 1 - equity / np.maximum(cash, np.maximum.accumulate(equity))
    tops = drawdown <= 0
    tops[0] = True  # a first stretch below the start begins with the first mark
    begins = np.flatnonzero(tops)
    depth = np.maximum.reduceat(drawdown, begins)
    ts = bars.ts[moments[np.append(begins, len(moments) - 1)]]  # each lasts until the next begins, the last to the end
    deep = depth > 0
    days = (ts[1:] - ts[:-1])[deep] / 1e6 / 86400
    with np.errstate(divide="ignore", invalid="ignore"):
        largest = float(np.nanmax(np.where(equity == 0, np.nan, exposed / equity)))
    ends = (float(equity[-1]), float(equity.max()), float(equity.min()), largest)
    return Account(equity[at], depth[deep], days, ends)
