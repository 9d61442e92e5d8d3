"""Dialects: every raw sample parses to the recorded result; files of each kind are recognised; new ones can be added."""

from __future__ import annotations

import gzip
import json
import math
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT
from duckbt.errors import DataError, UsageError
from duckbt.lake.dialects import dialects
from duckbt.lake.ingest import Options, Report, ingest
from duckbt.lake.names import names_in
from duckbt.lake.store import Lake
from duckbt.lake.timeframe import Timeframe
from lake.conftest import HEADER, bars, dataset, findings, prices

SAMPLES = [
    "DAT_MT_EURUSD_M1_201709.csv", "HISTDATA_COM_ASCII_EURUSD_M12019.zip", "backtestingpy_EURUSD_H1_iso_header.csv",
    "binance_ADABTC-1m-2021-11-27.csv", "bitfinex_BTCUSD_1m_2019-06-01_first2h.json",
    "bitfinex_ETHUSD_1m_2016_merged.csv.gz",
    "dukascopy_EURUSD_1H_ASK.csv", "ejtrader_EURUSDd1_points.csv", "freqtrade_DASH_BTC-5m.feather",
    "freqtrade_UNITTEST_BTC-1m.json", "lean_oanda_eurusd_minute_20180403_quote.zip", "mt4_EURUSD60_header.csv",
    "mt5_EURUSD_M1_quoted_tabs_first5000.csv", "stock_AAPL_d1_name_column.csv",
]  # fmt: skip
UNTOLD = {"backtestingpy_EURUSD_H1_iso_header.csv": "EURUSD", "mt5_EURUSD_M1_quoted_tabs_first5000.csv": "EURUSD"}


def test_the_samples_are_all_that_have_a_recorded_result(shared: Path) -> None:
    assert sorted(json.loads((shared / "golden/ingest/expected.json").read_text())) == sorted(SAMPLES)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_raw_sample_parses_to_the_recorded_result(name: str, shared: Path, lake: Lake) -> None:
    expected = json.loads((shared / "golden/ingest/expected.json").read_text())[name]
    report = ingest([shared / "data/raw" / name], lake, Options(symbol=UNTOLD.get(name), timezone="UTC"))
    (manifest, change), (read,) = report.datasets[0], report.files
    assert len(report.datasets) == 1
    assert (read.rows, read.kept, read.rejected) == (expected["rows"], expected["distinct_ts"], 0)
    assert change.added == manifest.rows == expected["distinct_ts"]
    assert manifest.duplicates.removed == expected["rows"] - expected["distinct_ts"]
    assert manifest.out_of_order == expected["backwards_steps"]
    assert manifest.timeframe == str(Timeframe(expected["timeframe"]))
    assert (str(manifest.first_ts), str(manifest.last_ts)) == (expected["min_ts"], expected["max_ts"])
    assert manifest.gaps.count == expected["gaps"]
    if expected["gaps"]:
        assert manifest.gaps.largest_seconds / 3600 == pytest.approx(expected["largest_gap_h"], abs=6e-4)
    assert manifest.ohlc_violations == expected["ohlc_violations"]
    off_grid = sum(f[-1] for f in findings(lake, manifest.symbol, manifest.timeframe, "off_grid"))
    assert off_grid == expected["off_grid"]
    found = bars(lake, manifest.symbol, manifest.timeframe)
    assert (list(found[0]), list(found[-1])) == (expected["first_row"], expected["last_row"])
    if not manifest.duplicates.removed:
        assert_sums(found, expected)
    if expected["duplicate_ts"]:
        assert str(manifest.duplicates.first) == expected["duplicate_ts"][0]


def assert_sums(found: list[Any], expected: dict[str, Any]) -> None:
    """Sums as recorded, to the twelfth digit."""
    for place, column in enumerate(("open", "high", "low", "close", "volume"), 1):
        values = [row[place] for row in found if row[place] is not None]
        assert math.fsum(values) == pytest.approx(expected["sum"][column], rel=1e-12), column
    volumes = [row[5] for row in found]
    assert (volumes.count(None), volumes.count(0.0)) == (expected["volume_nulls"], expected["volume_zeros"])


def test_sums_of_a_file_with_repeated_rows_are_those_of_all_its_rows(shared: Path, lake: Lake) -> None:
    """The 60 repeats are equal to bars that stay, so adding them again gives the sums of all rows as recorded."""
    name = "HISTDATA_COM_ASCII_EURUSD_M12019.zip"
    expected = json.loads((shared / "golden/ingest/expected.json").read_text())[name]
    report = ingest([shared / "data/raw" / name], lake, Options(timezone="UTC"))
    repeats = report.datasets[0][0].duplicates
    assert (repeats.removed, repeats.identical, repeats.conflicting) == (60, 60, 0)
    found = bars(lake, "EURUSD")
    again = [row for row in found if str(repeats.first) <= row[0] <= str(repeats.last)]
    assert len(again) == 60
    assert_sums([*found, *again], expected)


EPOCH = 1704164400  # 2024-01-02 03:00:00
OHLC = "1.5,1.75,1.25,1.5"
CASES: dict[str, tuple[str, str, str]] = {
    # name: (file name, text, dialect); each holds bars at 03:00 and 03:01 with close 1.5
    "binance in milliseconds": (
        "BTCUSDT-1m-2024-01.csv",
        "".join(f"{EPOCH + i * 60}000,{OHLC},10,{EPOCH + i * 60 + 59}999,5,7,1,2,0\n" for i in (0, 1)), "binance"),
    "binance in microseconds": (
        "BTCUSDT-1m-2025-01.csv",
        "".join(f"{EPOCH + i * 60}000000,{OHLC},10,{EPOCH + i * 60 + 59}999999,5,7,1,2,0\n" for i in (0, 1)), "binance"),
    "binance with header": (
        "BTCUSDT-1m-2024-02.csv",
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n"
        + "".join(f"{EPOCH + i * 60}000,{OHLC},10,{EPOCH + i * 60 + 59}999,5,7,1,2,0\n" for i in (0, 1)), "binance"),
    "MT4 without header": (
        "EURUSD1.csv", f"2024.01.02,03:00,{OHLC},10\n2024.01.02,03:01,{OHLC},11\n", "mt4"),
    "MT4 with header": (
        "EURUSD1.csv", "Date,Time,Open,High,Low,Close,Volume\n"
        f"2024.01.02,03:00,{OHLC},10\n2024.01.02,03:01,{OHLC},11\n", "generic"),
    "MT5 export": (
        "EURUSD_M1_202401020300_202401020301.csv",
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"
        + "".join(f"2024.01.02\t03:0{i}:00\t1.5\t1.75\t1.25\t1.5\t10\t0\t3\n" for i in (0, 1)), "generic"),
    "MT5 from Python": (
        "EURUSD_M1.csv", "time,open,high,low,close,tick_volume,spread,real_volume\n"
        + "".join(f"{EPOCH + i * 60},{OHLC},10,3,0\n" for i in (0, 1)), "generic"),
    "Dukascopy": (
        "EURUSD_Candlestick_1_M_BID.csv", "Gmt time,Open,High,Low,Close,Volume\n"
        + "".join(f"02.01.2024 03:0{i}:00.000,{OHLC},10\n" for i in (0, 1)), "dukascopy"),
    "ccxt without header": ("BTC_USDT-1m.csv", "".join(f"{EPOCH + i * 60}000,{OHLC},10\n" for i in (0, 1)), "ohlcv_csv"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_dialect_is_recognised_by_its_content(case: str, take: Callable[..., Report], lake: Lake) -> None:
    name, text, dialect = CASES[case]
    report = take(name, text)
    assert report.files[0].dialect == dialect
    manifest = report.datasets[0][0]
    assert bars(lake, manifest.symbol)[0] == ("2024-01-02 03:00:00", 1.5, 1.75, 1.25, 1.5, 10.0)
    assert [p[0] for p in prices(lake, manifest.symbol)] == ["03:00", "03:01"]


def test_bitfinex_columns_are_told_from_ccxt_ones_by_what_high_and_low_mean(take: Callable[..., Report], lake: Lake) -> None:
    """Bitfinex puts the close before high and low; read the other way its highs would lie below its opens."""
    rows = "".join(f"{EPOCH + i * 60}000,1.5,1.25,1.75,1.0,10\n" for i in range(5))
    assert take("X_M1.csv", rows).files[0].dialect == "bitfinex_csv"
    assert bars(lake, "X")[0][1:] == (1.5, 1.75, 1.0, 1.25, 10.0)


def test_zip_and_gz_are_read_through(take: Callable[..., Report], tmp_path: Path, lake: Lake) -> None:
    text = HEADER + f"2024-01-02 03:00:00,{OHLC},1\n2024-01-02 03:01:00,{OHLC},1\n"
    take("A_M1.csv.gz", gzip.compress(text.encode()))
    archive = tmp_path / "many.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("B_M1.csv", text)
        made.writestr("folder/C_M1.csv", text)
        made.writestr("readme.txt", "thank you")
    report = ingest([archive], lake)
    assert [f.name for f in report.files] == ["many.zip/B_M1.csv", "many.zip/C_M1.csv"]
    assert lake.symbols() == ["A", "B", "C"]


def test_extra_columns_are_kept_where_asked_for(take: Callable[..., Report], lake: Lake) -> None:
    name, text, _ = CASES["MT5 export"]
    report = take(name, text, columns={"spread": "<SPREAD>"})
    assert report.datasets[0][0].extras == ["spread"]
    assert bars(lake, "EURUSD", columns="close, volume, spread") == [(1.5, 10.0, 3.0)] * 2


def test_a_dialect_may_offer_extra_columns(take: Callable[..., Report], lake: Lake) -> None:
    name, text, _ = CASES["binance in milliseconds"]
    report = take(name, text, columns={"turnover": "quote_volume", "trades": "trades"})
    assert report.files[0].dialect == "binance"
    assert bars(lake, "BTCUSDT", columns="trades, turnover") == [(7.0, 5.0)] * 2


def test_bars_with_other_extra_columns_do_not_mix(take: Callable[..., Report]) -> None:
    name, text, _ = CASES["MT5 export"]
    take(name, text, columns={"spread": "<SPREAD>"})
    with pytest.raises(DataError, match=r"extra columns spread, the files bring \(none\)"):
        take("EURUSD_M1.csv", HEADER + f"2024-01-03 03:00:00,{OHLC},1\n")


def test_a_mistyped_column_is_no_extra_column(take: Callable[..., Report]) -> None:
    with pytest.raises(UsageError, match=r"--columns opne=o: did you mean 'open'"):
        take("X_M1.csv", HEADER, columns={"opne": "o"})


(MINE,) = re.findall(r"```sql\n(-- mybroker.*?)```", (ROOT / "docs/data.md").read_text(encoding="utf-8"), re.DOTALL)


def test_the_dialect_that_the_docs_show_works_when_dropped_into_the_lake(take: Callable[..., Report], lake: Lake) -> None:
    lake.dialects.mkdir(parents=True)
    (lake.dialects / "mybroker.sql").write_text(MINE)
    text = "day;moment;o;h;l;c;w\n02JAN24;0930;150;175;125;150;ok\n02JAN24;0931;150;175;125;151;ok\n"
    report = take("ABC-mine.csv", text, timeframe="1m")
    assert (report.files[0].dialect, report.files[0].clock) == ("mybroker", "America/New_York")
    assert bars(lake, "ABC")[0] == ("2024-01-02 14:30:00", 1.5, 1.75, 1.25, 1.5, None)
    assert "mybroker" in dialects(lake.dialects)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("-- mybroker:", "-- yourbroker:"), "the first line must read '-- mybroker: what it is'"),
        (("-- read: csv", "-- read: xml"), "read: xml is not known"),
        (("from lines", "from rows"), "the query must read `from lines`"),
        (("-- first line: ^day", "-- first line: (^day"), "the header cannot be read"),
    ],
)
def test_a_broken_dialect_file_says_what_is_wrong(change: tuple[str, str], message: str, lake: Lake) -> None:
    lake.dialects.mkdir(parents=True)
    (lake.dialects / "mybroker.sql").write_text(MINE.replace(*change))
    with pytest.raises(UsageError, match=re.escape(message)):
        dialects(lake.dialects)


def test_an_unknown_format_is_refused_with_the_names_there_are(take: Callable[..., Report]) -> None:
    with pytest.raises(UsageError, match="did you mean 'binance'"):
        take("X_M1.csv", HEADER, format="binanse")


NAMES = {
    "DAT_MT_EURUSD_M1_2019.csv": (None, None),  # its dialect tells
    "EURUSD_M1_2019.csv": ("EURUSD", "1m"),
    "BRK.B_D1.parquet": ("BRK.B", "1d"),
    "BTCUSDT-1m-2021-11.zip": ("BTCUSDT", "1m"),
    "ETH_BTC-5m.feather": ("ETHBTC", "5m"),
    "EURUSD60.csv": ("EURUSD", "1h"),
    "ejtrader_EURUSDd1_points.csv": ("EURUSD", "1d"),
    "AAPL.csv": ("AAPL", None),
    "SPY_2019.csv.gz": ("SPY", None),
    "prices.csv": (None, None),
    "data/symbol=GBPUSD/timeframe=1h/part-0.parquet": ("GBPUSD", "1h"),
}


@pytest.mark.parametrize("name", NAMES)
def test_symbol_and_timeframe_are_taken_from_names(name: str) -> None:
    symbol, timeframe = names_in(name)
    expected = NAMES[name]
    if name.startswith("DAT_MT"):
        symbol, timeframe = names_in(name, dialects()["histdata_mt"].file_name)
        expected = ("EURUSD", "1m")
    assert (symbol, timeframe and str(timeframe)) == expected


def test_what_the_name_tells_can_be_overridden(take: Callable[..., Report], lake: Lake) -> None:
    text = HEADER + f"2024-01-02 03:00:00,{OHLC},1\n2024-01-02 03:01:00,{OHLC},1\n"
    take("EURUSD_M1.csv", text, symbol="EURUSD.x", timeframe="5m")
    assert dataset(lake, "EURUSD.x", "5m").manifest.notes == [
        "most bars are 1 min apart, though they are said to be 5m bars"
    ]
