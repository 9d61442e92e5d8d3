"""Longer bars: on the fly and written, days that begin at an anchor, last bars whose end is not known yet.

The oracle goes bar by bar in plain Python, with the time zones of the standard library.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from duckbt.errors import DataError, UsageError
from duckbt.lake.clock import Anchor, parse_anchor
from duckbt.lake.ingest import Report
from duckbt.lake.register import register
from duckbt.lake.resample import resample
from duckbt.lake.source import open_bars
from duckbt.lake.store import Lake
from duckbt.lake.timeframe import Timeframe
from duckbt.results.run import backtest
from duckbt.sqlfiles import connect
from duckbt.strategy.load import StrategyFile, parse_strategy
from lake.conftest import bars, dataset
from reference.engine import Bar, Rules, simulate

Row = tuple[datetime, float, float, float, float, float]
SWITCH = datetime(2024, 3, 5)  # New York goes to daylight saving on 10 March, Europe on 31 March
ANCHORS = [None, "17:00 America/New_York", "22:00", "09:30 Europe/Berlin"]


def fine_bars(seed: int, minutes: int, days: float, missing: float = 0.2, start: datetime = SWITCH) -> list[Row]:
    """Bars of that many minutes, some of them missing, one whole night too."""
    rng = random.Random(seed)
    price, rows = 100, []
    for i in range(int(days * 1440 / minutes)):
        ts = start + timedelta(minutes=minutes * i)
        close = max(50, price + rng.randint(-3, 3))
        high, low = max(price, close) + rng.randint(0, 2), min(price, close) - rng.randint(0, 2)
        if rng.random() >= missing and not start + timedelta(days=2) < ts < start + timedelta(days=2.4):
            rows.append((ts, float(price), float(high), float(low), float(close), float(rng.randint(0, 9))))
        price = close
    return rows


def bucket_of(ts: datetime, length: timedelta, anchor: Anchor) -> tuple[datetime, datetime]:
    """(begin, end) of the longer bar that a moment lies in, UTC."""
    zone, offset = ZoneInfo(anchor.zone), timedelta(seconds=anchor.seconds)

    def begin_of(day: datetime) -> datetime:
        return (day + offset).replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)

    local = ts.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None) - offset
    day = local.replace(hour=0, minute=0, second=0)
    if length >= timedelta(days=1):
        first = day - (day - datetime(2000, 1, 3)) % length
        return begin_of(first), begin_of(first + length)
    begin = begin_of(day)
    at = begin + (ts - begin) // length * length
    return at, min(at + length, begin_of(day + timedelta(days=1)))


def longer(rows: list[Row], minutes: int, timeframe: str, anchor: str | None) -> list[tuple[Row, datetime]]:
    """Longer bars that are complete, each with its end."""
    at = parse_anchor(anchor) if anchor else Anchor(0, "UTC")
    length = timedelta(seconds=Timeframe(timeframe).seconds)
    groups: dict[tuple[datetime, datetime], list[Row]] = {}
    for row in rows:
        groups.setdefault(bucket_of(row[0], length, at), []).append(row)
    made = [
        ((begin, g[0][1], max(r[2] for r in g), min(r[3] for r in g), g[-1][4], sum(r[5] for r in g)), end)
        for (begin, end), g in sorted(groups.items())
    ]
    last_ends = rows[-1][0] + timedelta(minutes=minutes)
    return made if last_ends >= made[-1][1] else made[:-1]


def write(path: Path, rows: list[Row]) -> Path:
    names = ["ts", "open", "high", "low", "close", "volume"]
    columns: dict[str, Any] = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    columns["ts"] = pa.array(columns["ts"], pa.timestamp("us"))
    pq.write_table(pa.table(columns), path)
    return path


def read(lake: Lake, timeframe: str, anchor: str | None, **wanted: Any) -> list[Row]:
    """What a run would see."""
    at = parse_anchor(anchor) if anchor else None
    source = open_bars(lake.choose(["X"], Timeframe(timeframe), at), timeframe=Timeframe(timeframe), anchor=at, **wanted)
    with connect() as connection:
        for _, statement in source.statements:
            connection.execute(statement)
        found = connection.execute("select ts, open, high, low, close, volume from bars order by bar").fetchall()
        assert connection.execute("select list(bar & 4294967295 order by bar) from bars").fetchall()[0][0] == list(
            range(len(found))
        )
        assert source.bars == len(found)
    return found


def spoilt(rows: list[Row], seed: int) -> list[Row]:
    """The rows in disorder, some given twice; of bars with equal times the first one given counts."""
    rng = random.Random(seed)
    mixed = rng.sample(rows, len(rows))
    for row in rng.sample(rows, 20):
        wrong = (row[0], *(v + 1 for v in row[1:]))
        mixed.insert(rng.randint(mixed.index(row) + 1, len(mixed)), wrong)  # type: ignore[arg-type]
    return mixed


@pytest.mark.parametrize("anchor", ANCHORS)
@pytest.mark.parametrize(("minutes", "timeframe"), [(10, "30m"), (10, "1h"), (10, "4h"), (15, "1d"), (15, "3d"), (30, "7h")])
def test_longer_bars_are_those_made_bar_by_bar(
    minutes: int, timeframe: str, anchor: str | None, tmp_path: Path, lake: Lake
) -> None:
    rows = fine_bars(1, minutes, 31)
    register([write(tmp_path / "X.parquet", rows)], lake, "X", Timeframe(f"{minutes}m"))
    expected = [bar for bar, _ in longer(rows, minutes, timeframe, anchor)]
    assert read(lake, timeframe, anchor) == expected
    assert len(expected) > 8


@pytest.mark.parametrize("anchor", ANCHORS)
def test_disorder_and_repeats_make_the_same_longer_bars(anchor: str | None, tmp_path: Path, lake: Lake) -> None:
    rows = fine_bars(2, 10, 31)
    (manifest,) = register([write(tmp_path / "X.parquet", spoilt(rows, 3))], lake, "X", Timeframe("10m"))
    assert not manifest.ordered
    assert manifest.duplicates.removed == 20
    assert read(lake, "4h", anchor) == [bar for bar, _ in longer(rows, 10, "4h", anchor)]


@pytest.mark.parametrize("disorder", [False, True])
@pytest.mark.parametrize("warmup", [0, 3])
def test_only_bars_that_lie_in_the_range_as_a_whole_are_made(
    warmup: int, disorder: bool, tmp_path: Path, lake: Lake
) -> None:
    rows = fine_bars(4, 10, 10)
    register([write(tmp_path / "X.parquet", spoilt(rows, 5) if disorder else rows)], lake, "X", Timeframe("10m"))
    first, last = datetime(2024, 3, 8, 1, 30), datetime(2024, 3, 12, 10, 10)
    made = longer(rows, 10, "4h", ANCHORS[1])
    inside = [bar for bar, end in made if bar[0] >= first and end <= last]
    before = [bar for bar, end in made if bar[0] < first][-warmup:] if warmup else []
    assert read(lake, "4h", ANCHORS[1], first=first, last=last, warmup=warmup) == before + inside


@pytest.mark.parametrize(("length", "bars_made"), [(5, 0), (6, 1), (7, 1), (11, 1), (12, 2)])
def test_the_last_bar_is_made_when_its_last_finer_bar_ends_it(
    length: int, bars_made: int, tmp_path: Path, lake: Lake
) -> None:
    """Six ten-minute bars make an hour; the hour after the last of them is not known yet."""
    rows = fine_bars(1, 10, 1, missing=0)[:length]
    register([write(tmp_path / "X.parquet", rows)], lake, "X", Timeframe("10m"))
    if bars_made:
        assert len(read(lake, "1h", None)) == bars_made
    else:
        with pytest.raises(DataError, match="no bars"):
            read(lake, "1h", None)


def test_written_bars_are_those_made_on_the_fly(tmp_path: Path, lake: Lake) -> None:
    register([write(tmp_path / "X.parquet", fine_bars(6, 10, 20))], lake, "X", Timeframe("10m"))
    on_the_fly = read(lake, "1d", ANCHORS[1])
    (manifest,) = resample(lake, ["X"], Timeframe("1d"), parse_anchor(str(ANCHORS[1])))
    assert bars(lake, "X", "1d", "ts, open, high, low, close, volume") == on_the_fly
    assert (manifest.derived and manifest.derived.timeframe, manifest.rows) == ("10m", len(on_the_fly))
    assert read(lake, "1d", ANCHORS[1]) == on_the_fly
    # days that begin at another time are made of the finer bars, not of these
    assert read(lake, "1d", None) != on_the_fly


def test_written_bars_are_not_used_once_their_finer_bars_have_changed(take: Callable[..., Report], lake: Lake) -> None:
    header = "time,open,high,low,close,volume\n"
    take("X_M30_a.csv", header + "".join(f"2024-01-01 0{h}:{m},1,1,1,1,1\n" for h in range(3) for m in ("00", "30")))
    resample(lake, ["X"], Timeframe("1h"))
    take("X_M30_b.csv", header + "2024-01-01 03:00,2,2,2,2,1\n2024-01-01 03:30,2,2,2,2,1\n")
    assert not lake.up_to_date(dataset(lake, "X", "1h"))
    assert [row[4] for row in read(lake, "1h", None)] == [1, 1, 1, 2]
    resample(lake, ["X"], Timeframe("1h"))
    assert lake.up_to_date(dataset(lake, "X", "1h"))


def test_what_cannot_be_made_is_refused(take: Callable[..., Report], lake: Lake) -> None:
    take("X_M30.csv", "time,open,high,low,close\n2024-01-01 00:00,1,1,1,1\n2024-01-01 00:30,1,1,1,1\n")
    with pytest.raises(DataError, match="no bars that can make 45m"):
        resample(lake, ["X"], Timeframe("45m"))
    with pytest.raises(DataError, match="already, from files"):
        resample(lake, ["X"], Timeframe("30m"))
    with pytest.raises(UsageError, match="whole days"):
        resample(lake, ["X"], Timeframe("36h"))


def crossing(timeframe: str, anchor: str | None, fine: str) -> StrategyFile:
    line = f'anchor = "{anchor}"\n' if anchor else ""
    text = (
        f'name = "t"\ntimeframe = "{timeframe}"\n{line}[entry]\nlong = "close > open"\nshort = "close < open"\n'
        f'[exit]\nstop = 4\ntarget = 6\nresolve_on = "{fine}"\n'
    )
    return parse_strategy(text, Path("t.toml"))


@pytest.mark.parametrize("disorder", [False, True])
@pytest.mark.parametrize("anchor", ANCHORS)
@pytest.mark.parametrize("timeframe", ["1h", "4h", "1d"])
def test_signals_on_longer_bars_are_filled_on_finer_ones(
    timeframe: str, anchor: str | None, disorder: bool, tmp_path: Path
) -> None:
    """A signal is known when its bar closes, and filled at the open of the first finer bar from then on."""
    rows = fine_bars(7, 10, 31)
    lake = Lake(tmp_path / "lake")
    register([write(tmp_path / "X.parquet", spoilt(rows, 8) if disorder else rows)], lake, "X", Timeframe("10m"))
    run = backtest(crossing(timeframe, anchor, "10m"), lake, results=tmp_path / "results")
    columns = "direction, entry_ts, entry_price, exit_ts, exit_price, exit_reason"
    ours = run.trades.order("entry_ts").project(columns).fetchall()
    signals: dict[int, float] = {}  # last finer bar before a longer one ends → how it moved
    for bar, end in longer(rows, 10, timeframe, anchor):
        signals[max(i for i, row in enumerate(rows) if row[0] < end)] = bar[4] - bar[1]
    rules = Rules(
        [signals.get(i, 0) > 0 for i in range(len(rows))], [signals.get(i, 0) < 0 for i in range(len(rows))],
        stop=lambda s, e, d, x: 4.0, target=lambda s, e, d, x: 6.0,
    )  # fmt: skip
    trades, _ = simulate([Bar(*row[:5]) for row in rows], rules)
    expected = [
        ("long" if t.direction > 0 else "short", rows[t.entry_bar][0], t.entry_price, rows[t.exit_bar][0], t.exit_price,
         t.reason) for t in trades
    ]  # fmt: skip
    assert ours == expected
    assert len(ours) > 10
