"""The SQL engine against the bar-by-bar reference: generated bars, every feature and pairs of features, exactly."""

from __future__ import annotations

import random

import pytest

from reference.cases import ENTRIES, EXITS, SWITCHES, case
from reference.harness import Row, assert_agree

SYMBOLS, BARS = 60, 70


def make_series(seed: int, symbols: int = SYMBOLS, bars: int = BARS) -> list[list[Row]]:
    """Dense small-integer bars: ties, gaps, flat bars, opens outside the bar, signals up to the last bar."""
    rng = random.Random(seed)
    series = []
    for number in range(symbols):
        length = rng.choice([1, 2, 3, 33, bars]) if number % 6 == 0 else bars
        step, gap = rng.choice([1, 2, 4]), rng.choice([0, 1, 5])
        price, rows = 100, []
        for _ in range(length):
            o = price + rng.randint(-gap, gap)
            c = o + rng.randint(-step, step)
            h = max(o, c) + rng.randint(0, step)
            low = min(o, c) - rng.randint(0, step)
            if rng.random() < 0.03:
                o += rng.choice([-1, 1]) * (step + 1)  # as in raw data: the open outside the bar
            bits = sum(
                bit
                for bit, share in ((1, 0.15), (2, 0.15), (4, 0.1), (8, 0.1), (16, 0.05), (32, 0.1))
                if rng.random() < share
            )
            rows.append((o, h, low, c, bits))
            price = min(max(c, 60), 140)
        series.append(rows)
    return series


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("exit", EXITS)
def test_every_exit_with_every_entry(exit: str, entry: str) -> None:
    taken = assert_agree(case(exit, entry), make_series(hash_of(exit, entry)))
    assert taken > SYMBOLS


SWITCHED = ["stop and target", "trail and stop", "scale out", "scale out beyond the target", "break-even", "everything"]
FILLED = ["next open", "close", "limit", "stop order"]


@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize("entry", FILLED)
@pytest.mark.parametrize("exit", SWITCHED)
def test_every_switch(exit: str, entry: str, switch: str) -> None:
    if switch == "no re-entry on the exit bar" and entry in ("limit", "stop order"):
        pytest.skip("refused for orders that may fill long after their signal")
    assert assert_agree(case(exit, entry, switch), make_series(hash_of(exit, entry, switch))) > 0


@pytest.mark.parametrize("exit", ["stop and target", "trail", "everything"])
def test_stacked_positions(exit: str) -> None:
    assert assert_agree(case(exit, overlap="stack"), make_series(hash_of(exit, "stack"))) > SYMBOLS


def hash_of(*parts: str) -> int:
    """A seed that is the same in every process."""
    return sum(ord(c) * (i + 1) for i, c in enumerate("|".join(parts)))
