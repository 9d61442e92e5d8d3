"""Many files at once, rows that are no bars, order, repeats, and how a dataset grows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from duckbt.errors import DataError, UsageError
from duckbt.lake.ingest import Options, Report, ingest
from duckbt.lake.manifest import Duplicates
from duckbt.lake.merge import Change
from duckbt.lake.store import Lake
from lake.conftest import HEADER, bar_lines, bars, dataset, findings, prices

D = "2024-01-02 "


def text(*rows: tuple[str, float]) -> str:
    """A CSV of bars of one day: ("03:00", price)."""
    return HEADER + bar_lines([(D + time, price) for time, price in rows])


def write(folder: Path, **files: str) -> Path:
    """Files by name, with ``.csv`` added."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}.csv").write_text(content)
    return folder


# ---- many files


def test_a_folder_with_several_symbols_and_years_becomes_one_dataset_each(tmp_path: Path, lake: Lake) -> None:
    raw = write(
        tmp_path / "raw",
        A_M1_2023=HEADER + bar_lines([("2023-12-29 21:58", 1), ("2023-12-29 21:59", 2)]),
        A_M1_2024=HEADER + bar_lines([("2024-01-02 00:00", 3), ("2024-01-02 00:01", 4)]),
        B_M1=text(("03:00", 5), ("03:01", 6)),
    )
    report = ingest([raw], lake)
    assert [(f.name, f.symbols, f.timeframe, f.rows) for f in report.files] == [
        ("A_M1_2023.csv", ["A"], "1m", 2), ("A_M1_2024.csv", ["A"], "1m", 2), ("B_M1.csv", ["B"], "1m", 2),
    ]  # fmt: skip
    assert [row[4] for row in bars(lake, "A")] == [1.0, 2.0, 3.0, 4.0]
    assert prices(lake, "B") == [("03:00", 5.0), ("03:01", 6.0)]


def test_globs_are_expanded(tmp_path: Path, lake: Lake) -> None:
    raw = write(tmp_path / "raw", A_M1=text(("03:00", 1), ("03:01", 1)), B_H1=text(("03:00", 1), ("04:00", 1)))
    ingest([f"{raw}/*_M1.csv"], lake)
    assert lake.symbols() == ["A"]


def test_two_timeframes_of_a_symbol_stay_apart(tmp_path: Path, lake: Lake) -> None:
    raw = write(tmp_path / "raw", A_M1=text(("03:00", 1), ("03:01", 2)), A_H1=text(("03:00", 5), ("04:00", 6)))
    ingest([raw], lake)
    assert prices(lake, "A", "1m") == [("03:00", 1.0), ("03:01", 2.0)]
    assert prices(lake, "A", "1h") == [("03:00", 5.0), ("04:00", 6.0)]


def test_a_bad_file_among_many_is_reported_and_does_not_stop_the_others(tmp_path: Path, lake: Lake) -> None:
    raw = write(
        tmp_path / "raw", A_M1=text(("03:00", 1), ("03:01", 1)), BAD_M1="this is no table\n", NOROWS_M1=HEADER,
        C_M1=text(("03:00", 1), ("03:01", 1)), nameless=text(("03:00", 1)),
    )  # fmt: skip
    (raw / "EMPTY_M1.csv").touch()
    report = ingest([raw], lake)
    assert lake.symbols() == ["A", "C"]
    reasons = {Path(name).name: error for name, error in report.failed}
    assert sorted(reasons) == ["BAD_M1.csv", "EMPTY_M1.csv", "NOROWS_M1.csv", "nameless.csv"]
    assert "no columns found; the first line is: this is no table" in reasons["BAD_M1.csv"]
    assert "give it with --symbol" in reasons["nameless.csv"]


def test_strict_stops_at_a_bad_file_and_leaves_the_lake_as_it_was(tmp_path: Path, lake: Lake) -> None:
    raw = write(tmp_path / "raw", A_M1=text(("03:00", 1), ("03:01", 1)), BAD_M1="this is no table\n")
    with pytest.raises(DataError, match=r"BAD_M1\.csv"):
        ingest([raw], lake, Options(strict=True))
    assert lake.datasets() == []


def test_small_files_that_are_alike_are_read_together_and_a_spoilt_one_apart(tmp_path: Path, lake: Lake) -> None:
    files = {f"S{i:02d}_M1": text(("03:00", i + 1), ("03:01", i + 2)) for i in range(30)}
    files["S07_M1"] = text(("03:00", 8), ("03:01", 9)) + D + "03:02,oops,1,1,1,1\n"
    report = ingest([write(tmp_path / "raw", **files)], lake)
    assert (len(report.files), len(lake.datasets())) == (30, 30)
    assert prices(lake, "S07") == [("03:00", 8.0), ("03:01", 9.0)]
    assert dataset(lake, "S07").manifest.rejected.samples == [
        f"S07_M1.csv row 3: {D}03:02,oops,1,1,1,1 (not a number, or columns missing)"
    ]
    assert prices(lake, "S29") == [("03:00", 30.0), ("03:01", 31.0)]


def test_nothing_to_read_is_an_error(tmp_path: Path, lake: Lake) -> None:
    with pytest.raises(DataError, match="no files match"):
        ingest([tmp_path / "*.csv"], lake)
    with pytest.raises(DataError, match="no such file"):
        ingest([tmp_path / "gone.csv"], lake)


# ---- rows


REJECTED = {
    "price missing": ",1,1,1,1", "price not finite": "inf,1,1,1,1", "price not positive": "0,1,1,1,1",
    "volume negative": "1,1,1,1,-5", "volume not finite": "1,1,1,1,inf", "not a number, or columns missing": "1,1,1",
    "timestamp missing or not understood": None,
}  # fmt: skip


@pytest.mark.parametrize("reason", REJECTED)
def test_a_row_that_is_no_bar_is_rejected_with_its_reason(reason: str, take: Callable[..., Report], lake: Lake) -> None:
    values = REJECTED[reason]
    bad = f"{D}03:01,{values}\n" if values else ",1,1,1,1,1\n"
    report = take("A_M1.csv", text(("03:00", 1)) + bad + bar_lines([(D + "03:02", 2)]))
    manifest = report.datasets[0][0]
    assert manifest.rejected.reasons == {reason: 1}
    assert (report.files[0].rows, report.files[0].kept, report.files[0].rejected) == (3, 2, 1)
    assert prices(lake, "A") == [("03:00", 1.0), ("03:02", 2.0)]
    assert manifest.rejected.samples[0].startswith("A_M1.csv row 2: ")


@pytest.mark.parametrize("word", ["NULL", "N/A", "nan", "-", ""])
def test_a_word_for_no_value_is_no_value(word: str, take: Callable[..., Report], lake: Lake) -> None:
    """A missing volume does not spoil a bar, a missing price does."""
    take("A_M1.csv", HEADER + f"{D}03:00,1,1,1,1,{word}\n{D}03:01,1,1,1,{word or 'NULL'},5\n{D}03:02,1,1,1,1,7\n")
    assert [row[5] for row in bars(lake, "A")] == [None, 7.0]
    assert dataset(lake, "A").manifest.rejected.reasons == {"price missing": 1}


def test_prices_that_contradict_each_other_are_kept_and_counted(take: Callable[..., Report], lake: Lake) -> None:
    take("A_M1.csv", HEADER + f"{D}03:00,5,4,3,3.5,1\n{D}03:01,3,4,3,4,1\n")
    assert dataset(lake, "A").manifest.ohlc_violations == 1
    assert len(bars(lake, "A")) == 2


def test_rows_out_of_order_are_sorted_and_reported(take: Callable[..., Report], lake: Lake) -> None:
    report = take("A_M1.csv", text(("03:02", 3), ("03:00", 1), ("03:01", 2), ("03:03", 4)))
    assert prices(lake, "A") == [("03:00", 1.0), ("03:01", 2.0), ("03:02", 3.0), ("03:03", 4.0)]
    assert report.datasets[0][0].out_of_order == 1
    assert findings(lake, "A", check="out_of_order") == [("steps back", D + "03:00:00", D + "03:02:00", 1)]


def test_newest_first_is_one_run_of_steps_back(take: Callable[..., Report], lake: Lake) -> None:
    take("A_M1.csv", text(*((f"03:0{i}", i + 1) for i in range(9, -1, -1))))
    assert [p[1] for p in prices(lake, "A")] == [float(i + 1) for i in range(10)]
    assert findings(lake, "A", check="out_of_order") == [("steps back", D + "03:08:00", D + "03:09:00", 9)]


def test_of_repeated_times_the_first_row_stays(take: Callable[..., Report], lake: Lake) -> None:
    report = take("A_M1.csv", text(("03:00", 1), ("03:01", 2), ("03:01", 2), ("03:01", 9), ("03:02", 3)))
    assert prices(lake, "A") == [("03:00", 1.0), ("03:01", 2.0), ("03:02", 3.0)]
    duplicates = report.datasets[0][0].duplicates
    assert (duplicates.removed, duplicates.identical, duplicates.conflicting) == (2, 1, 1)
    assert findings(lake, "A", check="duplicates") == [
        ("conflicting", D + "03:01:00", D + "03:01:00", 1), ("identical", D + "03:01:00", D + "03:01:00", 1),
    ]  # fmt: skip


def test_repeats_between_files_go_by_the_order_of_the_files(tmp_path: Path, lake: Lake) -> None:
    raw = write(tmp_path / "raw", A_M1_1=text(("03:00", 1), ("03:01", 2)), A_M1_2=text(("03:01", 9), ("03:02", 3)))
    report = ingest([raw / "A_M1_1.csv", raw / "A_M1_2.csv"], lake)
    assert prices(lake, "A") == [("03:00", 1.0), ("03:01", 2.0), ("03:02", 3.0)]
    assert [(f.kept, f.duplicates) for f in report.files] == [(2, 0), (1, 1)]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("03:01", 1), ("03:00", 1)], "1 backward steps"),
        ([("03:00", 1), ("03:00", 1), ("03:01", 1)], "1 repeated timestamps"),
        ([("03:00", -1), ("03:01", 1)], r"rows would be rejected: A_M1\.csv: 1 × price not positive; row 1: .*-1\.0"),
    ],
)
def test_strict_refuses_rows_that_are_not_tidy(
    rows: list[Any], message: str, take: Callable[..., Report], lake: Lake
) -> None:
    with pytest.raises(DataError, match=message):
        take("A_M1.csv", text(*rows), strict=True)
    assert lake.datasets() == []


def test_strict_refuses_prices_that_contradict_each_other(take: Callable[..., Report]) -> None:
    with pytest.raises(DataError, match="1 bars whose open or close lies outside"):
        take("A_M1.csv", HEADER + f"{D}03:00,5,4,3,3.5,1\n{D}03:01,3,4,3,4,1\n", strict=True)


def test_the_timeframe_is_measured_where_nothing_tells_it(take: Callable[..., Report], lake: Lake) -> None:
    take("A.csv", text(("03:00", 1), ("03:05", 1), ("03:10", 1), ("04:00", 1)))
    assert [str(d.timeframe) for d in lake.datasets()] == ["5m"]


def test_a_timeframe_that_cannot_be_told_is_asked_for(take: Callable[..., Report]) -> None:
    with pytest.raises(DataError, match="give it with --timeframe"):
        take("A.csv", text(("03:00", 1)))
    with pytest.raises(DataError, match="10 seconds apart, which is no timeframe"):
        take("B.csv", HEADER + bar_lines([(f"{D}03:00:{s}0", 1) for s in range(6)]))


# ---- growing


def test_newer_bars_are_appended(take: Callable[..., Report], lake: Lake) -> None:
    take("A_M1_a.csv", text(("03:00", 1), ("03:01", 2)))
    report = take("A_M1_b.csv", text(("03:02", 3)))
    assert report.datasets[0][1] == Change(1)
    assert prices(lake, "A") == [("03:00", 1.0), ("03:01", 2.0), ("03:02", 3.0)]
    assert [s.name for s in dataset(lake, "A").manifest.sources] == ["A_M1_a.csv", "A_M1_b.csv"]


def test_older_bars_go_before(take: Callable[..., Report], lake: Lake) -> None:
    take("A_M1_b.csv", text(("03:02", 3)))
    take("A_M1_a.csv", text(("03:00", 1), ("03:01", 2)))
    assert [p[1] for p in prices(lake, "A")] == [1.0, 2.0, 3.0]
    assert str(dataset(lake, "A").manifest.first_ts) == D + "03:00:00"


def test_equal_bars_are_absorbed_and_counted(take: Callable[..., Report], lake: Lake) -> None:
    take("A_M1_a.csv", text(("03:00", 1), ("03:01", 2)))
    report = take("A_M1_b.csv", text(("03:01", 2), ("03:02", 3)))
    assert report.datasets[0][1] == Change(1, absorbed=1)
    assert [p[1] for p in prices(lake, "A")] == [1.0, 2.0, 3.0]


def test_conflicts_are_refused_and_shown(take: Callable[..., Report], lake: Lake) -> None:
    take("A_M1_a.csv", text(("03:00", 1), ("03:01", 2)))
    with pytest.raises(DataError, match=r"(?s)1 bars differ.*2024-01-02 03:01:00: lake 2\.0 .*, file 7\.0 .*--prefer"):
        take("A_M1_b.csv", text(("03:01", 7), ("03:02", 3)))
    assert [p[1] for p in prices(lake, "A")] == [1.0, 2.0]


@pytest.mark.parametrize(("prefer", "kept", "change"), [("new", 7.0, Change(1, 0, 1, 0)), ("old", 2.0, Change(1, 0, 0, 1))])
def test_conflicts_are_decided_by_prefer(
    prefer: str, kept: float, change: Change, take: Callable[..., Report], lake: Lake
) -> None:
    take("A_M1_a.csv", text(("03:00", 1), ("03:01", 2)))
    report = take("A_M1_b.csv", text(("03:01", 7), ("03:02", 3)), prefer=prefer)
    assert report.datasets[0][1] == change
    assert [p[1] for p in prices(lake, "A")] == [1.0, kept, 3.0]


def test_prefer_takes_old_or_new_only(take: Callable[..., Report]) -> None:
    with pytest.raises(UsageError, match="write old or new"):
        take("A_M1.csv", text(("03:00", 1)), prefer="both")


def test_a_conflict_in_one_symbol_does_not_stop_the_others(tmp_path: Path, lake: Lake) -> None:
    ingest([write(tmp_path / "one", A_M1=text(("03:00", 1)), B_M1=text(("03:00", 1)))], lake)
    later = write(tmp_path / "two", A_M1=text(("03:00", 9)), B_M1=text(("03:00", 1), ("03:01", 2)))
    report = ingest([later], lake)
    assert [name for name, _ in report.failed] == ["A 1m"]
    assert (prices(lake, "A"), prices(lake, "B")) == ([("03:00", 1.0)], [("03:00", 1.0), ("03:01", 2.0)])


def everything(lake: Lake) -> dict[str, bytes]:
    """Every file of the lake."""
    return {str(p): p.read_bytes() for p in sorted(lake.root.rglob("*")) if p.is_file() and p.name != ".lock"}


def test_ingesting_the_same_file_again_changes_nothing(take: Callable[..., Report], lake: Lake) -> None:
    content = text(("03:00", 1), ("03:00", 1), ("03:02", -1), ("03:01", 2))
    take("A_M1.csv", content)
    before = everything(lake)
    report = take("A_M1.csv", content)
    assert (report.files[0].state, report.datasets, report.failed) == ("known", [], [])
    assert everything(lake) == before


def test_a_known_file_under_another_name_is_known(take: Callable[..., Report], lake: Lake) -> None:
    take("A_M1.csv", text(("03:00", 1), ("03:01", 2)))
    before = everything(lake)
    assert take("A_M1_copy.csv", text(("03:00", 1), ("03:01", 2))).files[0].state == "known"
    assert everything(lake) == before


def test_the_same_bytes_named_for_another_symbol_or_timeframe_are_not_known(take: Callable[..., Report], lake: Lake) -> None:
    for name in ("A_M1.csv", "B_M1.csv", "A_M2.csv"):
        assert take(name, text(("03:00", 1), ("03:01", 2))).files[0].state == "read"
    assert [(d.symbol, str(d.timeframe)) for d in lake.datasets()] == [("A", "1m"), ("A", "2m"), ("B", "1m")]
    assert take("B_M1.csv", text(("03:00", 1), ("03:01", 2))).files[0].state == "known"


def test_the_same_file_read_on_another_clock_is_not_known(take: Callable[..., Report], lake: Lake) -> None:
    take("A_M1.csv", text(("03:00", 1), ("03:01", 2)))
    take("A_M1.csv", text(("03:00", 1), ("03:01", 2)), timezone="-05:00")
    assert [p[0] for p in prices(lake, "A")] == ["03:00", "03:01", "08:00", "08:01"]


def test_what_was_dropped_stays_on_record_when_a_dataset_grows(take: Callable[..., Report], lake: Lake) -> None:
    take("A_M1_a.csv", text(("03:00", 1), ("03:00", 1), ("03:01", -1)))
    take("A_M1_b.csv", text(("03:02", 3), ("03:02", 4), ("03:03", 0)))
    manifest = dataset(lake, "A").manifest
    assert manifest.duplicates == Duplicates(
        removed=2, identical=1, conflicting=1, first=manifest.first_ts, last=manifest.last_ts
    )
    assert manifest.rejected.reasons == {"price not positive": 2}
    assert [(f[0], f[1], f[4]) for f in findings(lake, "A") if f[0] in ("duplicates", "rejected")] == [
        ("duplicates", "conflicting", 1), ("duplicates", "identical", 1),
        ("rejected", "price not positive", 1), ("rejected", "price not positive", 1),
    ]  # fmt: skip


def test_every_row_is_accounted_for(take: Callable[..., Report], lake: Lake) -> None:
    content = text(("03:00", 1), ("03:00", 1), ("03:01", -1), ("03:02", 3), ("03:01", 2)) + "garbage\n"
    read = take("A_M1.csv", content).files[0]
    assert (read.rows, read.kept, read.duplicates, read.rejected) == (6, 3, 1, 2)
    source = dataset(lake, "A").manifest.sources[0]
    assert (source.rows, source.duplicates, source.rejected) == (6, 1, 2)


def test_a_bar_a_day_leaves_few_files(tmp_path: Path, lake: Lake) -> None:
    """Files double like the digits of a binary number: 37 = 32 + 4 + 1."""
    for i in range(37):
        raw = write(tmp_path / f"day{i}", A_D1=HEADER + bar_lines([(f"2024-0{1 + i // 28}-{1 + i % 28:02d}", i + 1)]))
        ingest([raw], lake)
    manifest = dataset(lake, "A", "1d").manifest
    assert [f.rows for f in manifest.files] == [32, 4, 1]
    assert [row[4] for row in bars(lake, "A", "1d")] == [float(i + 1) for i in range(37)]


def test_a_rewritten_dataset_keeps_the_files_of_the_manifest_before(take: Callable[..., Report], lake: Lake) -> None:
    """A reader that holds the manifest of before can go on; the change after the next clears its files away."""
    take("A_M1_a.csv", text(("03:00", 1), ("03:02", 3)))
    held = dataset(lake, "A")
    old = [held.path(f) for f in held.manifest.files]
    take("A_M1_b.csv", text(("03:01", 2)))
    assert [p[1] for p in prices(lake, "A")] == [1.0, 2.0, 3.0]
    assert all(p.is_file() for p in old)
    held.check_files(thoroughly=True)
    take("A_M1_c.csv", text(("03:03", 4)))
    take("A_M1_d.csv", text(("03:04", 5)))
    assert not any(p.is_file() for p in old)


def test_a_dataset_read_in_place_is_not_added_to(tmp_path: Path, lake: Lake, take: Callable[..., Report]) -> None:
    from duckbt.lake.register import register

    take("A_M1.csv", text(("03:00", 1), ("03:01", 1)))
    file = dataset(lake, "A").path(dataset(lake, "A").manifest.files[0])
    other = Lake(tmp_path / "other")
    register([file], other, symbol="A")
    with pytest.raises(DataError, match="registered in place"):
        ingest([write(tmp_path / "x", A_M1=text(("03:02", 1)))], other)
