"""``duckcli data`` as users meet it: what is printed, what is refused, and that nothing is half done."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from conftest import Called
from duckbt.lake.timeframe import Timeframe

CALL = Callable[..., Called]
HEAD = "time,open,high,low,close,volume\n"
GOOD = HEAD + "2024-01-02 03:00,1,2,1,1.5,5\n2024-01-02 03:01,1.5,2,1,1.25,5\n"
UNTOLD = {"backtestingpy_EURUSD_H1_iso_header.csv", "mt5_EURUSD_M1_quoted_tabs_first5000.csv"}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_every_raw_sample_arrives_by_the_command_line(shared: Path, duckcli: CALL) -> None:
    for name, expected in json.loads((shared / "golden/ingest/expected.json").read_text()).items():
        symbol = ["--symbol", "EURUSD"] if name in UNTOLD else []
        lake = f"lake-{name}"
        called = duckcli(
            "data", "ingest", shared / "data/raw" / name, "--lake", lake, "--json", "--timezone", "UTC", *symbol
        )
        assert called.code == 0, called.err
        (read,), (made,) = called.json["files"], called.json["datasets"]
        assert (read["rows"], read["kept"], read["rejected"]) == (expected["rows"], expected["distinct_ts"], 0), name
        assert made["timeframe"] == str(Timeframe(expected["timeframe"]))
        found = duckdb.execute(
            f"select ts::varchar, open, high, low, close, volume from '{lake}/*/*/bars-*.parquet' order by ts"
        ).fetchall()
        assert (list(found[0]), list(found[-1])) == (expected["first_row"], expected["last_row"]), name


def test_the_audit_of_2019_finds_the_repeated_and_the_lost_hour(shared: Path, duckcli: CALL) -> None:
    file = shared / "data/raw/HISTDATA_COM_ASCII_EURUSD_M12019.zip"
    assert duckcli("data", "ingest", file, "--timezone", "broker:EST-EU").code == 0
    found = duckcli("data", "audit", "EURUSD", "--json").json["findings"]
    duplicates = [(f["kind"], f["ts"], f["until"], f["bars"]) for f in found if f["check_name"] == "duplicates"]
    assert duplicates == [("identical", "2019-10-28 00:00:00", "2019-10-28 00:59:00", 60)]
    lost = [(f["kind"], f["bars"]) for f in found if f["check_name"] == "gaps" and f["ts"] == "2019-03-31 22:59:00"]
    assert lost == [("inside", 60)]
    closed = [f for f in found if f["check_name"] == "gaps" and f["kind"] == "closed"]
    assert 50 <= len(closed) <= 53  # the weekends of the year


def test_the_dirt_of_a_universe_is_where_it_is(shared: Path, duckcli: CALL) -> None:
    called = duckcli("data", "ingest", shared / "data/sp500_d1", "--json")
    assert (called.code, len(called.json["datasets"])) == (0, 505)
    audit = duckcli("data", "audit", "--json", "--check", "rejected").json["findings"]
    assert sorted((f["symbol"], f["ts"][:10]) for f in audit) == [
        ("BHF", "2017-07-26"), ("DHR", "2015-07-17"), ("DHR", "2016-01-12"), ("ES", "2015-07-17"), ("FTV", "2016-07-01"),
        ("O", "2015-07-17"), ("O", "2016-01-12"), ("REGN", "2015-06-09"), ("UA", "2016-04-07"), ("VRTX", "2015-05-12"),
        ("WRK", "2015-06-26"),
    ]  # fmt: skip
    broken = duckcli("data", "audit", "--json", "--check", "ohlc").json["findings"]
    assert sorted((f["symbol"], f["ts"][:10]) for f in broken) == [
        ("AOS", "2014-05-19"), ("BBY", "2016-03-14"), ("CHD", "2014-05-19"), ("CHK", "2014-06-30"), ("DHR", "2014-11-06"),
        ("IP", "2014-07-01"), ("LNT", "2016-05-19"), ("O", "2014-08-27"), ("O", "2014-11-06"), ("SPG", "2014-05-28"),
        ("UA", "2016-06-10"), ("WRK", "2016-05-13"),
    ]  # fmt: skip
    spikes = duckcli("data", "audit", "--json", "--check", "spikes").json["findings"]
    found = {(f["symbol"], f["ts"][:10]) for f in spikes}
    assert found >= {("NWL", "2017-09-14"), ("LNT", "2016-05-19"), ("HCA", "2015-08-24"), ("XL", "2015-08-24")}
    assert len(found) < 20  # of 619,029 bars
    splits = {(f["symbol"], f["ts"][:10]) for f in duckcli("data", "audit", "--json", "--check", "splits").json["findings"]}
    assert splits >= {
        ("DISCA", "2014-08-07"), ("DISCK", "2014-08-07"), ("EBAY", "2015-07-20"), ("BAX", "2015-07-01"), ("NI", "2015-07-02"),
        ("BHGE", "2017-07-05"),
    }  # fmt: skip
    assert len(splits) < 30


def test_a_bad_file_among_good_ones_is_named_and_the_exit_code_says_so(tmp_path: Path, duckcli: CALL) -> None:
    for name, text in (("A_M1.csv", GOOD), ("B_M1.csv", "what is this\n"), ("C_M1.csv", GOOD)):
        Path(name).write_text(text)
    called = duckcli("data", "ingest", "*.csv")
    assert called.code == 4
    assert "not read B_M1.csv: no columns found" in called.err
    assert sorted(p.name for p in Path("lake").iterdir() if p.is_dir()) == ["A", "C"]
    strict = duckcli("data", "ingest", "*.csv", "--lake", "strict", "--strict")
    assert (strict.code, "B_M1.csv" in strict.err) == (4, True)
    assert not [p for p in Path("strict").iterdir() if p.is_dir()]


def test_bars_that_differ_are_shown_and_refused_until_someone_decides(duckcli: CALL) -> None:
    Path("A_M1.csv").write_text(GOOD)
    Path("A_M1_new.csv").write_text(GOOD.replace("1.25", "1.75"))
    assert duckcli("data", "ingest", "A_M1.csv").code == 0
    refused = duckcli("data", "ingest", "A_M1_new.csv")
    assert refused.code == 4
    assert "1 bars differ" in refused.err
    assert "2024-01-02 03:01:00: lake 1.5 2.0 1.0 1.25 5.0, file 1.5 2.0 1.0 1.75 5.0" in refused.err
    assert "--prefer new or --prefer old" in refused.err
    decided = duckcli("data", "ingest", "A_M1_new.csv", "--prefer", "new")
    assert "0 bars added, 1 were there already, 1 replaced" in decided.out


def test_a_lake_that_cannot_be_written_is_named(duckcli: CALL) -> None:
    Path("A_M1.csv").write_text(GOOD)
    called = duckcli("data", "ingest", "A_M1.csv", "--lake", "A_M1.csv")
    assert called.code == 4
    assert "A_M1.csv cannot be used as a lake: File exists. Name another with --lake." in called.err


def test_zips_are_opened(duckcli: CALL) -> None:
    with zipfile.ZipFile("all.zip", "w") as archive:
        archive.writestr("A_M1.csv", GOOD)
        archive.writestr("deep/B_M1.csv", GOOD)
        archive.writestr("readme.txt", "hello")
    called = duckcli("data", "ingest", "all.zip", "--json")
    assert [f["name"] for f in called.json["files"]] == ["all.zip/A_M1.csv", "all.zip/B_M1.csv"]


def test_a_hive_partitioned_folder_is_read_where_it_lies(duckcli: CALL) -> None:
    """Symbols are in the folders' names alone; a run over it equals one over the same bars ingested."""
    rows = "timestamp '2024-01-01' + to_minutes(i::bigint) as ts, 10 + sin(i / 7) as open, 12.0 as high, 8.0 as low, "
    rows += "10 + sin(i / 7 + 1) as close, 1.0 as volume"
    for symbol, year in (("AA", 2023), ("AA", 2024), ("BB", 2024)):
        folder = Path(f"hive/symbol={symbol}/year={year}")
        folder.mkdir(parents=True)
        shift = f"replace (ts - interval {2024 - year} year as ts)"
        duckdb.execute(f"copy (select * {shift} from (select {rows} from range(500) r(i))) to '{folder / 'p.parquet'}'")
    called = duckcli("data", "add", "hive", "--json", "--lake", "one")
    assert called.code == 0, called.err
    assert [(m["symbol"], m["rows"], m["ordered"], len(m["files"])) for m in called.json] == [
        ("AA", 1000, True, 2), ("BB", 500, True, 1),
    ]  # fmt: skip
    assert duckcli("data", "ingest", "hive", "--lake", "two").code == 0
    Path("s.toml").write_text('name = "s"\ntimeframe = "5m"\n[entry]\nlong = "close > open"\n[exit]\nmax_bars = 3\n')
    runs = [duckcli("backtest", "run", "s.toml", "--lake", lake, "--json", "--force").json for lake in ("one", "two")]
    assert runs[0]["metrics"] == runs[1]["metrics"]
    assert runs[0]["trades"] > 20


@pytest.mark.parametrize("selection", [[], ["--from", "2024-01-01T02:00", "--to", "2024-01-01T06:00"]])
def test_disorder_in_place_makes_no_difference_to_a_run(selection: list[str], duckcli: CALL) -> None:
    rows = "timestamp '2024-01-01' + to_minutes(i::bigint) as ts, 10 + sin(i / 7) as open, 12.0 as high, 8.0 as low, "
    rows += "10 + sin(i / 7 + 1) as close, 1.0 as volume"
    duckdb.execute(f"copy (select {rows} from range(500) r(i)) to 'A_1m.parquet'")
    mixed = "select * from 'A_1m.parquet' union all select * from 'A_1m.parquet' where minute(ts) = 7"
    duckdb.execute(f"copy (select * from ({mixed}) order by hash(ts)) to 'mixed.parquet'")
    assert duckcli("data", "add", "A_1m.parquet", "--lake", "one").code == 0
    added = duckcli("data", "add", "mixed.parquet", "--symbol", "A", "--timeframe", "1m", "--lake", "two")
    assert "every run sorts and cleans these bars first, which is slower. `duckcli data ingest` rewrites them" in added.out
    for timeframe in ("1m", "15m"):
        Path("s.toml").write_text(
            f'name = "s"\ntimeframe = "{timeframe}"\n[entry]\nlong = "close > open"\n[exit]\nmax_bars = 3\n'
        )
        runs = [
            duckcli("backtest", "run", "s.toml", "--lake", lake, "--json", "--force", *selection).json
            for lake in ("one", "two")
        ]
        assert runs[0]["metrics"] == runs[1]["metrics"]
        assert runs[0]["trades"] > 1
