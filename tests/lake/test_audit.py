"""The audit's checks over bars, each on bars few enough to see what it must find, and what it must leave alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from duckbt.errors import UsageError
from duckbt.lake.findings import Audit
from duckbt.lake.ingest import Report
from duckbt.lake.store import Lake
from lake.conftest import HEADER, bar_lines, findings

Take = Callable[..., Report]
MONDAY = datetime(2024, 1, 1)


def hours_of(weeks: int, open_at: Callable[[datetime], bool]) -> list[datetime]:
    return [t for t in (MONDAY + timedelta(hours=h) for h in range(weeks * 168)) if open_at(t)]


def text(times: Sequence[datetime]) -> str:
    """Bars that move a little, so that nothing else is found in them."""
    return HEADER + bar_lines([(str(t), 100 + i % 2) for i, t in enumerate(times)])


def gaps(lake: Lake, timeframe: str = "1h") -> list[tuple[str, str, str, int]]:
    return [f for f in findings(lake, "X", timeframe, "gaps") if f[0] == "inside"]


def weekdays(t: datetime) -> bool:
    return t.weekday() < 5


def test_weekends_are_closed_hours_and_not_missing(take: Take, lake: Lake) -> None:
    take("X_H1.csv", text(hours_of(6, weekdays)))
    found = findings(lake, "X", "1h", "gaps")
    assert [f[0] for f in found] == ["closed"] * 5
    assert found[0] == ("closed", "2024-01-05 23:00:00", "2024-01-08 00:00:00", 48)


def test_nights_are_closed_hours(take: Take, lake: Lake) -> None:
    take("X_H1.csv", text(hours_of(6, lambda t: weekdays(t) and 9 <= t.hour < 17)))
    assert gaps(lake) == []


def test_an_outage_is_missing_bars(take: Take, lake: Lake) -> None:
    out = datetime(2024, 1, 17, 10)
    take("X_H1.csv", text(hours_of(6, lambda t: weekdays(t) and not out <= t < out + timedelta(hours=3))))
    assert gaps(lake) == [("inside", "2024-01-17 09:00:00", "2024-01-17 13:00:00", 3)]


def test_a_lost_day_before_a_weekend_is_missing_without_the_weekend(take: Take, lake: Lake) -> None:
    take("X_H1.csv", text(hours_of(8, lambda t: weekdays(t) and t.date() != datetime(2024, 1, 26).date())))
    assert gaps(lake) == [("inside", "2024-01-25 23:00:00", "2024-01-29 00:00:00", 24)]


def test_two_lost_weeks_are_ten_missing_days(take: Take, lake: Lake) -> None:
    days = [MONDAY + timedelta(days=d) for d in range(7 * 30) if d % 7 < 5 and not 70 <= d < 84]
    take("X_D1.csv", text(days))
    assert gaps(lake, "1d") == [("inside", "2024-03-08 00:00:00", "2024-03-25 00:00:00", 10)]


def test_a_market_that_never_closes_has_no_closed_hours(take: Take, lake: Lake) -> None:
    """Even an outage over a weekend is one."""
    out = datetime(2024, 1, 20)
    take("X_H1.csv", text(hours_of(6, lambda t: not out <= t < out + timedelta(hours=48))))
    assert gaps(lake) == [("inside", "2024-01-19 23:00:00", "2024-01-22 00:00:00", 48)]


def test_one_outage_in_few_days_is_no_closing_time(take: Take, lake: Lake) -> None:
    out = datetime(2024, 1, 2, 10)
    take("X_H1.csv", text([t for t in hours_of(1, lambda t: True) if not out <= t < out + timedelta(hours=5)]))
    assert gaps(lake) == [("inside", "2024-01-02 09:00:00", "2024-01-02 15:00:00", 5)]


def minutes(rows: Sequence[tuple[float, float, float, float, float]]) -> str:
    return HEADER + "".join(f"{MONDAY + timedelta(minutes=i)},{','.join(map(str, r))}\n" for i, r in enumerate(rows))


def steady(n: int) -> list[tuple[float, float, float, float, float]]:
    """Prices that wander by a unit or two around a hundred."""
    rng = random.Random(1)
    closes = [100 + rng.choice([-2, -1, 1, 2]) for _ in range(n)]
    return [(o, max(o, c) + 1, min(o, c) - 1, c, 5) for o, c in pairwise([100, *closes])]


def seen(lake: Lake, check: str) -> list[tuple[str, int, int]]:
    """(kind, minute it begins, bars)."""
    return [
        (f[0], int((datetime.fromisoformat(f[1]) - MONDAY).total_seconds() // 60), f[3])
        for f in findings(lake, "X", "1m", check)
    ]


@pytest.mark.parametrize("factor", [2.0, 0.5])
def test_a_price_that_goes_far_and_comes_straight_back_is_a_spike(factor: float, take: Take, lake: Lake) -> None:
    rows = steady(60)
    rows[30] = (*(v * factor for v in rows[30][:4]), 5)
    take("X_M1.csv", minutes(rows))
    assert seen(lake, "spikes") == [("bar", 30, 1)]
    assert seen(lake, "splits") == []


def test_a_low_that_nothing_else_comes_near_is_a_spike(take: Take, lake: Lake) -> None:
    rows = steady(60)
    rows[30] = (*rows[30][:2], 20, *rows[30][3:])
    take("X_M1.csv", minutes(rows))
    assert seen(lake, "spikes") == [("wick", 30, 1)]


def test_a_close_far_outside_its_own_bar_is_a_spike_and_a_broken_bar(take: Take, lake: Lake) -> None:
    rows = steady(60)
    rows[30] = (*rows[30][:3], 20, 5)
    rows[31] = (100, 103, 97, 100, 5)
    take("X_M1.csv", minutes(rows))
    assert (seen(lake, "spikes"), seen(lake, "ohlc")) == ([("bar", 30, 1)], [("outside low..high", 30, 1)])


def test_a_price_that_goes_far_and_stays_is_a_split_and_no_spike(take: Take, lake: Lake) -> None:
    rows = steady(60)
    rows[30:] = [(*(v / 2 for v in row[:4]), row[4]) for row in rows[30:]]
    take("X_M1.csv", minutes(rows))
    assert (seen(lake, "spikes"), seen(lake, "splits")) == ([], [("split or payout", 30, 1)])


def test_five_bars_that_do_not_move_are_flat_and_four_are_not(take: Take, lake: Lake) -> None:
    rows = steady(60)
    for begin, count in ((10, 5), (30, 4)):
        rows[begin : begin + count] = [(rows[begin - 1][3],) * 4 + (5,)] * count
    take("X_M1.csv", minutes(rows))
    assert seen(lake, "flat") == [("flat", 10, 5)]


def test_five_bars_without_volume_are_a_run_and_four_are_none(take: Take, lake: Lake) -> None:
    rows = steady(60)
    for begin, count in ((10, 5), (30, 4)):
        rows[begin : begin + count] = [(*row[:4], 0) for row in rows[begin : begin + count]]
    take("X_M1.csv", minutes(rows))
    assert seen(lake, "zero_volume") == [("volume 0", 10, 5)]


def test_a_broken_bar_is_one_whose_open_or_close_lies_outside(take: Take, lake: Lake) -> None:
    rows = steady(60)
    rows[10] = (104, 103, 99, 100, 5)
    rows[20] = (100, 103, 99, 98, 5)
    rows[21] = (100, 103, 101, 102, 5)
    rows[30] = (103, 103, 99, 99, 5)  # at the edge is inside
    take("X_M1.csv", minutes(rows))
    assert seen(lake, "ohlc") == [("outside low..high", 10, 1), ("outside low..high", 20, 2)]


def test_times_beside_the_grid_are_found(take: Take, lake: Lake) -> None:
    times = [MONDAY + timedelta(hours=h, minutes=5 if h in (7, 8) else 0) for h in range(24)]
    take("X_H1.csv", text(times))
    assert findings(lake, "X", "1h", "off_grid") == [
        ("off the grid", "2024-01-01 07:05:00", "2024-01-01 08:05:00", 2)
    ]  # fmt: skip


def test_gaps_that_most_symbols_share_are_holidays(take: Take, lake: Lake) -> None:
    holiday, own = datetime(2024, 1, 15), datetime(2024, 1, 23)
    for symbol in ("X", "Y", "Z"):
        days = hours_of(
            6, lambda t, s=symbol: weekdays(t) and t.date() != holiday.date() and not (s == "X" and t.date() == own.date())
        )
        take(f"{symbol}_H1.csv", text(days))
    rows: list[dict[str, Any]] = Audit(lake).summary()
    assert [(r["symbol"], r["holidays"], r["gaps"], r["missing"]) for r in rows] == [
        ("X", 1, 1, 24), ("Y", 1, 0, 0), ("Z", 1, 0, 0),
    ]  # fmt: skip


def test_an_unknown_check_is_refused_with_a_close_match(take: Take, lake: Lake) -> None:
    take("X_M1.csv", minutes(steady(5)))
    with pytest.raises(UsageError, match="did you mean 'gaps'"):
        Audit(lake).findings(check="gasp")
