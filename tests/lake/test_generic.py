"""Tables with named columns: what columns mean, how numbers and times are written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from duckbt.errors import DataError, UsageError
from duckbt.lake.ingest import Options, Report, ingest
from duckbt.lake.store import Lake
from duckbt.lake.timeframe import Timeframe
from lake.conftest import HEADER, bars, prices

ONE = Timeframe("1m")


def two(first: str, second: str, rest: str = "1.5,1.75,1.25,1.5,7") -> str:
    """Two bars with these times."""
    return HEADER + f"{first},{rest}\n{second},{rest}\n"


TIMES = [
    ("2024-01-02 03:04:00", "2024-01-02 03:05:00"),
    ("2024-01-02T03:04:00.000Z", "2024-01-02T03:05:00.000Z"),
    ("2024-01-02 03:04", "2024-01-02 03:05"),
    ("2024-01-02 05:04:00+02:00", "2024-01-02 05:05:00+02:00"),
    ("2024-01-01T22:04:00-0500", "2024-01-01T22:05:00-0500"),
    ("2024-01-02 03:04:00 UTC", "2024-01-02 03:05:00 UTC"),
    ("2024.01.02 03:04", "2024.01.02 03:05"),
    ("2024/01/02 03:04:00", "2024/01/02 03:05:00"),
    ("20240102 030400", "20240102 030500"),
    ("20240102030400", "20240102030500"),
    ("202401020304", "202401020305"),
    ("02.01.2024 03:04:00.000", "02.01.2024 03:05:00.000"),
    ("02-Jan-2024 03:04", "02-Jan-2024 03:05"),
    ("1704164640", "1704164700"),
    ("1704164640.0", "1704164700.0"),
    ("1704164640000", "1704164700000"),
    ("1704164640000000", "1704164700000000"),
    ("1704164640000000000", "1704164700000000000"),
]


@pytest.mark.parametrize("times", TIMES, ids=lambda t: t[0])
def test_a_time_is_understood(times: tuple[str, str], take: Callable[..., Report], lake: Lake) -> None:
    report = take("X_M1.csv", two(*times))
    assert report.files[0].rejected == 0
    assert [row[0] for row in bars(lake, "X")] == ["2024-01-02 03:04:00", "2024-01-02 03:05:00"]


def test_epoch_milliseconds_before_2001_are_no_calendar_digits(take: Callable[..., Report], lake: Lake) -> None:
    """946684800000 has twelve digits, like 200001010000."""
    take("X_M1.csv", two("946684800000", "946684860000"))
    assert bars(lake, "X")[0][0] == "2000-01-01 00:00:00"


def test_day_or_month_first_is_decided_by_the_whole_file(take: Callable[..., Report], lake: Lake) -> None:
    """The first 1,440 lines of a minute file say 03/04/2024 only; the 13th comes a thousand lines later."""
    minutes = [f"{m // 60:02d}:{m % 60:02d}" for m in range(1440)]
    march = "".join(f"03/04/2024 {m},1,1,1,1,1\n" for m in minutes)
    take("US_M1.csv", HEADER + march + "03/13/2024 00:00,1,1,1,1,1\n")
    take("EU_M1.csv", HEADER + march + "13/04/2024 00:00,1,1,1,1,1\n")
    assert bars(lake, "US")[0][0] == "2024-03-04 00:00:00"
    assert bars(lake, "EU")[0][0] == "2024-04-03 00:00:00"


def test_days_that_go_on_tell_the_day_where_no_number_is_above_twelve(take: Callable[..., Report], lake: Lake) -> None:
    text = HEADER + "".join(f"0{d}/05/2024,1,1,1,1,1\n" for d in (1, 2, 3, 6, 7))
    take("X_D1.csv", text)
    assert bars(lake, "X", "1d")[0][0] == "2024-05-01 00:00:00"


def test_an_ambiguous_date_is_refused_and_the_way_out_works(take: Callable[..., Report], lake: Lake) -> None:
    text = two("03/04/2024 10:00", "03/04/2024 10:01")
    with pytest.raises(DataError, match=r"'03/04/2024 10:00' may be day first or month first.*--time-format"):
        take("X_M1.csv", text)
    take("X_M1.csv", text, time_format="%d/%m/%Y %H:%M")
    assert bars(lake, "X")[0][0] == "2024-04-03 10:00:00"


def test_dates_of_both_orders_are_refused(take: Callable[..., Report]) -> None:
    text = HEADER + "".join(f"{d} 10:00,1,1,1,1,1\n" for d in ("13/01/2024", "01/13/2024"))
    with pytest.raises(DataError, match=r"times such as '13/01/2024 10:00' are not understood|pieced together"):
        take("X_M1.csv", text)


def test_a_strange_time_is_refused_with_the_way_out(take: Callable[..., Report], lake: Lake) -> None:
    text = two("at 3 past 4 of 2024-01-02", "at 3 past 5 of 2024-01-02")
    with pytest.raises(DataError, match="say how they are written, as in --time-format"):
        take("X_M1.csv", text)
    take("X_M1.csv", text, time_format="at %H past %M of %Y-%m-%d")
    assert bars(lake, "X")[0][0] == "2024-01-02 03:04:00"


def test_date_and_time_columns_are_put_together(take: Callable[..., Report], lake: Lake) -> None:
    take("X_M1.csv", "Date,Time,Open,High,Low,Close,Volume\n02.01.2024,03:04,1,1,1,1,1\n13.01.2024,03:05,1,1,1,1,1\n")
    assert [row[0] for row in bars(lake, "X")] == ["2024-01-02 03:04:00", "2024-01-13 03:05:00"]


def test_a_decimal_comma_is_understood(take: Callable[..., Report], lake: Lake) -> None:
    text = "Date;Open;High;Low;Close;Volume\n2024-01-02 03:04;1,5;1,75;1,25;1,5;7\n2024-01-02 03:05;1,5;1,75;1,25;1;7\n"
    take("X_M1.csv", text)
    assert bars(lake, "X")[0][1:] == (1.5, 1.75, 1.25, 1.5, 7.0)


def test_quoted_decimal_commas_between_commas_are_understood(take: Callable[..., Report], lake: Lake) -> None:
    rows = "".join(f'"2024-01-02 03:0{i}","1,5","1,75","1,25","1,5","7"\n' for i in (4, 5))
    text = "Date,Open,High,Low,Close,Volume\n" + rows
    report = take("X_M1.csv", text)
    assert report.files[0].kept == 2
    assert bars(lake, "X")[0][1:] == (1.5, 1.75, 1.25, 1.5, 7.0)


def test_one_file_may_hold_many_symbols(take: Callable[..., Report], lake: Lake) -> None:
    rows = "".join(f"{d},1,2,1,{p},5,{s}\n" for d in ("2024-01-02", "2024-01-03") for s, p in (("B", 1.5), ("A", 1.25)))
    report = take("all_stocks.csv", "date,open,high,low,close,volume,Name\n" + rows, timeframe="1d")
    assert report.files[0].symbols == ["A", "B"]
    assert [row[4] for row in bars(lake, "A", "1d")] == [1.25, 1.25]
    assert dataset_sources(lake) == {"A": 2, "B": 2}


def dataset_sources(lake: Lake) -> dict[str, int]:
    """Rows of the only source of each dataset."""
    return {d.symbol: d.manifest.sources[0].rows for d in lake.datasets()}


def test_a_row_without_a_symbol_is_rejected_and_shown(take: Callable[..., Report]) -> None:
    text = "date,open,high,low,close,volume,Name\n2024-01-02,1,1,1,1,1,A\n2024-01-03,1,1,1,1,1,\n2024-01-04,1,1,1,1,1,A\n"
    report = take("all.csv", text, timeframe="1d")
    read, manifest = report.files[0], report.datasets[0][0]
    assert (read.rows, read.kept, read.rejected) == (3, 2, 1)
    assert manifest.rejected.reasons == {"symbol missing": 1}


def test_a_symbol_option_does_not_hide_a_symbol_column(take: Callable[..., Report]) -> None:
    with pytest.raises(DataError, match="has a symbol column"):
        take("all.csv", "date,open,high,low,close,volume,Name\n2024-01-02,1,1,1,1,1,A\n", symbol="B")


def test_columns_can_be_named_by_the_user(take: Callable[..., Report], lake: Lake) -> None:
    take("X_M1.csv", "a,b,c,d,e\n2024-01-02 03:04,1,2,0.5,1.5\n2024-01-02 03:05,1,2,0.5,1.5\n",
         columns={"ts": "a", "open": "b", "high": "c", "low": "d", "close": "e"})  # fmt: skip
    assert bars(lake, "X")[0] == ("2024-01-02 03:04:00", 1.0, 2.0, 0.5, 1.5, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("when,open,high,low,close\n1,1,1,1,1\n", "no column for ts; the columns are: when, open"),
        ("time,open,high,low,close,Close\n", "two columns have the same name"),
        ("1,2,3,4,5\n1,2,3,4,5\n", "no header and no known dialect"),
        ("hello\nworld\n", "no columns found; the first line is: hello"),
        ('{"a": 1}', "JSON of an unknown shape"),
        ("\n\n", "has no lines"),
        ("", "is empty"),
        (HEADER, "no row is a bar: the file has no rows"),
        (HEADER + "2024-01-02,a,b,c,d,e\n", "no row is a bar: 1 × not a number, or columns missing"),
        (HEADER + "2024-01-02 03:04,1,1,1,1,1\n", None),
    ],
)
def test_a_file_that_cannot_be_used_says_why(text: str, message: str | None, take: Callable[..., Report]) -> None:
    if message is None:
        assert take("X_M1.csv", text).files[0].kept == 1
        return
    with pytest.raises(DataError, match=message):
        take("X_M1.csv", text)


def frame(times: list[Any], **more: Any) -> pa.Table:
    """An Arrow table of bars."""
    n = len(times)
    return pa.table({"date": times, **{c: [1.0 + i for i in range(n)] for c in ("open", "high", "low", "close")}, **more})


STAMPS = [1704164640, 1704164700]
KINDS: dict[str, pa.Array] = {
    "seconds": pa.array(STAMPS, pa.timestamp("s")),
    "milliseconds": pa.array([s * 10**3 for s in STAMPS], pa.timestamp("ms")),
    "microseconds with zone": pa.array([s * 10**6 for s in STAMPS], pa.timestamp("us", "America/New_York")),
    "nanoseconds": pa.array([s * 10**9 for s in STAMPS], pa.timestamp("ns")),
    "nanoseconds UTC": pa.array([s * 10**9 for s in STAMPS], pa.timestamp("ns", "UTC")),
    "epoch integers": pa.array(STAMPS, pa.int64()),
    "epoch in a double": pa.array([float(s) for s in STAMPS], pa.float64()),
    "text": pa.array(["2024-01-02 03:04:00", "2024-01-02 03:05:00"]),
    "text with day first": pa.array(["13/01/2024 03:04", "13/01/2024 03:05"]),
}


@pytest.mark.parametrize("ending", ["parquet", "feather"])
@pytest.mark.parametrize("kind", KINDS)
def test_typed_times_of_parquet_and_arrow_are_understood(kind: str, ending: str, tmp_path: Path, lake: Lake) -> None:
    path = tmp_path / f"X_M1.{ending}"
    table = frame(KINDS[kind], Volume=[5, 6])
    if ending == "parquet":
        pa.parquet.write_table(table, path)
    else:
        pa.feather.write_feather(table, path)
    ingest([path], lake)
    day = "13" if "day first" in kind else "02"
    assert [row[0] for row in bars(lake, "X")] == [f"2024-01-{day} 03:04:00", f"2024-01-{day} 03:05:00"]
    assert [row[5] for row in bars(lake, "X")] == [5.0, 6.0]


@pytest.mark.parametrize("index", ["__index_level_0__", "Date", "timestamp"])
def test_a_pandas_index_column_is_the_time(index: str, tmp_path: Path, lake: Lake) -> None:
    table = frame(KINDS["nanoseconds"], volume=[5, 6]).rename_columns([index, "Open", "High", "Low", "Close", "Volume"])
    path = tmp_path / "X_M1.parquet"
    pa.parquet.write_table(table.select([1, 2, 3, 4, 5, 0]), path)
    ingest([path], lake)
    assert [p[0] for p in prices(lake, "X")] == ["03:04", "03:05"]


def test_polars_files_with_categories_and_decimals_are_read(tmp_path: Path, lake: Lake) -> None:
    made = pl.DataFrame({
        "ticker": pl.Series(["A", "B", "A", "B"], dtype=pl.Categorical), "day": [20240102, 20240102, 20240103, 20240103],
        **{c: pl.Series(["1.5", "2.5", "1.5", "2.5"]).cast(pl.Decimal(10, 2)) for c in ("open", "high", "low", "close")},
    })  # fmt: skip
    made.write_parquet(tmp_path / "stocks.parquet")
    ingest([tmp_path / "stocks.parquet"], lake, Options(columns={"ts": "day"}))
    assert bars(lake, "B", "1d") == [(f"2024-01-0{d} 00:00:00", 2.5, 2.5, 2.5, 2.5, None) for d in (2, 3)]


def test_what_is_no_parquet_or_arrow_file_is_refused(tmp_path: Path, lake: Lake) -> None:
    for name in ("X_M1.parquet", "X_M1.feather"):
        (tmp_path / name).write_text("no table")
        with pytest.raises(DataError, match=r"is not a readable (Parquet|parquet|Arrow) file"):
            ingest([tmp_path / name], lake)
    assert lake.datasets() == []


def test_times_that_carry_an_offset_are_not_shifted_again(take: Callable[..., Report]) -> None:
    with pytest.raises(DataError, match="carry their own offset"):
        take("X_M1.csv", two("2024-01-02 05:04:00+02:00", "2024-01-02 05:05:00+02:00"), timezone="America/New_York")


def test_an_extra_column_takes_no_reserved_name(take: Callable[..., Report]) -> None:
    with pytest.raises(UsageError, match="extra columns need a new name"):
        take("X_M1.csv", two(*TIMES[0]), columns={"bar": "volume"})


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
def test_an_encoding_is_recognised(encoding: str, take: Callable[..., Report], lake: Lake) -> None:
    text = "Zeit/time,time,open,high,low,close,volume,Börse\n" + "".join(
        f"x,2024-01-02 03:0{i}:00,1,1,1,1,5,Zürich\n" for i in (4, 5)
    )
    take("X_M1.csv", text.encode(encoding))
    assert [p[0] for p in prices(lake, "X")] == ["03:04", "03:05"]


def test_bytes_that_are_no_text_far_into_a_file_spoil_their_line_only(take: Callable[..., Report], lake: Lake) -> None:
    lines = [f"2024-01-{1 + i // 1440:02d} {i // 60 % 24:02d}:{i % 60:02d}:00,1,1,1,1,5\n".encode() for i in range(4000)]
    lines[3000] = b"2024-01-03 02:00:00,1,1,\xff\xfe1,1,5\n"
    report = take("X_M1.csv", HEADER.encode() + b"".join(lines))
    read = report.files[0]
    assert (read.rows, read.kept, read.rejected) == (4000, 3999, 1)
    assert report.datasets[0][0].rejected.samples[0].startswith("X_M1.csv row 3001: 2024-01-03 02:00:00,1,1,")


def test_a_quote_that_is_never_closed_loses_no_line(take: Callable[..., Report], lake: Lake) -> None:
    lines = [f'"2024-01-02 03:{i:02d}:00","1","1","1","1","5"\n' for i in range(10)]
    lines[4] = '"2024-01-02 03:04:00,1,1,1,1,5\n'
    read = take("X_M1.csv", HEADER + "".join(lines)).files[0]
    assert read.rows == 10
    assert read.kept >= 9


def test_duckdb_reads_what_was_written(take: Callable[..., Report], lake: Lake) -> None:
    take("X_M1.csv", two(*TIMES[0]))
    found = duckdb.sql(f"describe from '{lake.root}/X/1m/*.parquet'").fetchall()
    types = [
        ("symbol", "VARCHAR"),
        ("ts", "TIMESTAMP"),
        *((c, "DOUBLE") for c in ("open", "high", "low", "close", "volume")),
    ]
    assert [(row[0], row[1]) for row in found] == types
