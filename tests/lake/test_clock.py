"""Clocks: fixed offsets, zones with daylight saving, brokers' clocks; hours that repeat or are left out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duckbt.errors import UsageError
from duckbt.lake.clock import parse_anchor, parse_clock
from duckbt.lake.ingest import Options, Report, ingest
from duckbt.lake.manifest import Switches
from duckbt.lake.store import Lake
from lake.conftest import HEADER, bars, dataset, findings


def minutes(start: str, count: int, step: int = 1) -> list[str]:
    """Times as a clock shows them."""
    begin = datetime.fromisoformat(start)
    return [str(begin + timedelta(minutes=i * step)) for i in range(count)]


def text_of(times: list[str]) -> str:
    """Bars with rising closes, so that each can be told."""
    return HEADER + "".join(f"{t},1000,1000,1,{i + 1},0\n" for i, t in enumerate(times))


@pytest.mark.parametrize(
    ("clock", "shown", "utc"),
    [
        ("UTC", "2024-07-01 12:00:00", "2024-07-01 12:00:00"),
        ("-05:00", "2024-07-01 12:00:00", "2024-07-01 17:00:00"),
        ("UTC+0530", "2024-07-01 12:00:00", "2024-07-01 06:30:00"),
        ("America/New_York", "2024-07-01 12:00:00", "2024-07-01 16:00:00"),
        ("America/New_York", "2024-01-01 12:00:00", "2024-01-01 17:00:00"),
        ("Asia/Kolkata", "2024-07-01 12:00:00", "2024-07-01 06:30:00"),
        ("broker:EET-EU", "2024-07-01 12:00:00", "2024-07-01 09:00:00"),
        ("broker:EET-EU", "2024-03-20 12:00:00", "2024-03-20 10:00:00"),  # Europe still on winter time
        ("broker:EET-US", "2024-03-20 12:00:00", "2024-03-20 09:00:00"),  # New York already on summer time
        ("broker:EST-EU", "2019-03-20 12:00:00", "2019-03-20 17:00:00"),
        ("broker:EST-EU", "2019-04-01 12:00:00", "2019-04-01 16:00:00"),
    ],
)
def test_a_clock_is_turned_to_utc(clock: str, shown: str, utc: str, take: Callable[..., Report], lake: Lake) -> None:
    take("X_M1.csv", text_of([shown]), timezone=clock)
    assert bars(lake, "X")[0][0] == utc
    assert dataset(lake, "X").manifest.timezone == clock


@pytest.mark.parametrize("text", ["America/New_Yrok", "broker:EET", "broker:XYZ-EU", "+5", "Mars"])
def test_an_unknown_clock_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"time zone|clock"):
        parse_clock(text)


@pytest.mark.parametrize("text", ["25:00 UTC", "17 America/New_York", "17:00 broker:EET-EU", "17:00 Nowhere/Land"])
def test_a_bad_anchor_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_anchor(text)


AUTUMN = minutes("2024-11-03 00:30:00", 90) + minutes("2024-11-03 01:00:00", 90)  # 01:00 to 01:59 twice


def test_a_repeated_hour_is_told_apart_by_the_order_of_its_rows(take: Callable[..., Report], lake: Lake) -> None:
    """00:30-01:59 summer time is 04:30-05:59 UTC, then 01:00-02:29 winter time is 06:00-07:29 UTC: no hole, no repeat."""
    take("X_M1.csv", text_of(AUTUMN), timezone="America/New_York")
    found = bars(lake, "X")
    assert [row[0] for row in found] == minutes("2024-11-03 04:30:00", 180)
    assert [row[4] for row in found] == [float(i + 1) for i in range(180)]
    manifest = dataset(lake, "X").manifest
    assert (manifest.switches, manifest.out_of_order, manifest.gaps.count) == (Switches(repeated=120), 0, 0)
    assert findings(lake, "X", check="switches") == [
        ("hour that happens twice", "2024-11-03 05:00:00", "2024-11-03 06:59:00", 120)
    ]


def test_a_repeated_hour_of_a_file_that_runs_backwards(take: Callable[..., Report], lake: Lake) -> None:
    take("X_M1.csv", text_of(AUTUMN[::-1]), timezone="America/New_York")
    assert [row[0] for row in bars(lake, "X")] == minutes("2024-11-03 04:30:00", 180)
    assert [row[4] for row in bars(lake, "X")] == [float(180 - i) for i in range(180)]


def test_minutes_that_miss_in_the_first_pass_do_not_confuse_the_second(take: Callable[..., Report], lake: Lake) -> None:
    times = [t for i, t in enumerate(AUTUMN) if not 40 <= i < 60]  # 01:10 to 01:29 summer time
    take("X_M1.csv", text_of(times), timezone="America/New_York")
    expected = minutes("2024-11-03 04:30:00", 180)
    assert [row[0] for row in bars(lake, "X")] == expected[:40] + expected[60:]


def test_one_bar_per_hour_repeats_its_stamp(take: Callable[..., Report], lake: Lake) -> None:
    times = minutes("2024-11-03 00:00:00", 2, 60) + minutes("2024-11-03 01:00:00", 3, 60)
    take("X_H1.csv", text_of(times), timezone="America/New_York")
    assert [row[0] for row in bars(lake, "X", "1h")] == minutes("2024-11-03 04:00:00", 5, 60)


def test_a_bar_given_twice_inside_the_first_pass_does_not_start_the_second(take: Callable[..., Report], lake: Lake) -> None:
    times = [*AUTUMN[:40], AUTUMN[39], *AUTUMN[40:]]
    report = take("X_M1.csv", text_of(times), timezone="America/New_York")
    assert [row[0] for row in bars(lake, "X")] == minutes("2024-11-03 04:30:00", 180)
    assert report.files[0].duplicates == 1


def test_times_that_do_not_exist_are_counted_and_moved_on(take: Callable[..., Report], lake: Lake) -> None:
    """2024-03-10 02:00 to 02:59 never was in New York; the clock went on at 03:00."""
    times = [*minutes("2024-03-10 01:58:00", 2), "2024-03-10 02:30:00", *minutes("2024-03-10 04:00:00", 2)]
    take("X_M1.csv", text_of(times), timezone="America/New_York")
    assert dataset(lake, "X").manifest.switches == Switches(skipped=1)
    assert [row[0][11:16] for row in bars(lake, "X")] == ["06:58", "06:59", "07:30", "08:00", "08:01"]
    assert findings(lake, "X", check="switches") == [
        ("time that does not exist", "2024-03-10 07:30:00", "2024-03-10 07:30:00", 1)
    ]


@settings(max_examples=25, deadline=None)
@given(
    zone=st.sampled_from(["America/New_York", "Europe/Berlin", "Australia/Sydney", "Asia/Tokyo", "America/Sao_Paulo"]),
    start=st.datetimes(datetime(2015, 1, 1), datetime(2025, 1, 1)),
    step=st.sampled_from([15, 30, 60]),
)
def test_a_zone_agrees_with_the_tz_database(
    zone: str, start: datetime, step: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Ten days of bars, written as the zone's clock shows them, come back as the UTC times they were made from."""
    folder = tmp_path_factory.mktemp("zones")
    begin = start.replace(minute=0, second=0, microsecond=0, tzinfo=ZoneInfo("UTC"))
    moments = [begin + timedelta(minutes=step * i) for i in range(10 * 1440 // step)]
    shown = [str(m.astimezone(ZoneInfo(zone)).replace(tzinfo=None)) for m in moments]
    (folder / "X.csv").write_text(text_of(shown))
    lake = Lake(folder / "lake")
    report = ingest([folder / "X.csv"], lake, Options(timezone=zone))
    assert report.files[0].duplicates == 0
    found = bars(lake, "X", report.datasets[0][0].timeframe)
    assert [row[0] for row in found] == [str(m.replace(tzinfo=None)) for m in moments]


def test_histdata_is_read_as_fixed_eastern_standard_time(shared: Path, lake: Lake) -> None:
    """The recorded result of the documented rule, row by row."""
    ingest([shared / "data/raw/HISTDATA_COM_ASCII_EURUSD_M12019.zip"], lake)
    recorded = shared / "golden/ingest/EURUSD_M1_2019_histdata_as_fixed_est.parquet"
    same_bars(lake, f"select distinct ts, open, high, low, close from read_parquet('{recorded}')")
    assert dataset(lake, "EURUSD").manifest.timezone == "-05:00"


def test_the_clock_that_histdata_of_2019_really_kept_gives_true_utc(shared: Path, lake: Lake) -> None:
    """New York winter time, moved by European dates: 60 repeats and one lost hour, exactly."""
    raw = shared / "data/raw/HISTDATA_COM_ASCII_EURUSD_M12019.zip"
    ingest([raw], lake, Options(timezone="broker:EST-EU"))
    real = shared / "data/EURUSD_M1.parquet"
    same_bars(lake, f"select distinct ts, open, high, low, close from read_parquet('{real}') where ts >= '2019-01-01 22:00'")
    manifest = dataset(lake, "EURUSD").manifest
    assert (manifest.rows, manifest.out_of_order, manifest.switches) == (372_470, 1, Switches())
    assert findings(lake, "EURUSD", check="duplicates") == [("identical", "2019-10-28 00:00:00", "2019-10-28 00:59:00", 60)]
    assert ("inside", "2019-03-31 22:59:00", "2019-04-01 00:00:00", 60) in findings(lake, "EURUSD", check="gaps")


def test_the_clock_that_histdata_of_2018_kept_is_new_yorks(shared: Path, tmp_path: Path, lake: Lake) -> None:
    """True UTC of 2018, written as New York's clock, comes back; the market is closed when the clocks change."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(
            "copy (select strftime(timezone('America/New_York', timezone('UTC', ts)), '%Y%m%d %H%M%S') as t, open, high, "
            f"low, close, 0 as volume from read_parquet('{shared / 'data/EURUSD_M1.parquet'}') where ts < '2019-01-01') "
            f"to '{tmp_path / 'DAT_ASCII_EURUSD_M1_2018.csv'}' (header false, delimiter ';')"
        )
    report = ingest([tmp_path / "DAT_ASCII_EURUSD_M1_2018.csv"], lake, Options(timezone="America/New_York"))
    assert report.files[0].dialect == "histdata_ascii"
    same_bars(
        lake,
        f"select ts, open, high, low, close from '{shared / 'data/EURUSD_M1.parquet'}' where ts < '2019-01-01'",
    )


def same_bars(lake: Lake, expected: str) -> None:
    """The lake's EURUSD minutes are exactly these rows."""
    found = dataset(lake, "EURUSD")
    files = [str(found.path(f)) for f in found.manifest.files]
    mine = f"select ts, open, high, low, close from read_parquet({files})"
    for one, other in ((mine, expected), (expected, mine)):
        assert duckdb.sql(f"({one}) except all ({other}) limit 3").fetchall() == []
