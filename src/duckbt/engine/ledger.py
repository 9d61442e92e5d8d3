"""Rules of an account in which one trade's size or place depends on the others; see ``bookkeeping``."""

from __future__ import annotations

from dataclasses import dataclass

TAKEN, IN_POSITION, NO_PLACE, NO_CASH, NO_SIZE = range(5)
STATUSES = ("taken", "in_position", "rejected_positions", "rejected_cash", "rejected_size")


@dataclass(frozen=True)
class Ledger:
    """Rules of the account. ``mode``/``value``: see docs/semantics.md; limits that are None do not bind."""

    mode: str
    initial_cash: float
    lot: float
    compounding: bool
    leverage: float | None
    max_positions: int | None
    max_per_symbol: int | None
    one_per_symbol: bool
    per_trade: float


def needs_ledger(mode: str, compounding: bool, *limits: float | None) -> bool:
    """Whether trades depend on each other's equity or compete for places."""
    return any(limit is not None for limit in limits) or (mode in ("equity_fraction", "risk") and compounding)
