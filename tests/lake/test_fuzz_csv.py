"""CSV as badly as it comes: never a traceback, never a good row lost, every line accounted for.

`FUZZ_EXAMPLES=1000 pytest tests/lake/test_fuzz_csv.py` looks longer, and at other files every time.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duckbt.errors import DuckbtError
from duckbt.lake.ingest import Options, ingest
from duckbt.lake.store import Lake
from duckbt.lake.timeframe import Timeframe

FEW = 40
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", FEW))
START = datetime(2024, 3, 13, 9, 0)  # the 13th: day and month cannot be taken for each other
HEADERS = {
    "time": ["time", "Time", "timestamp", "DATE", '"Date"', " datetime ", "Gmt time", "<DATE>"],
    "open": ["open", "Open", "O", '"open"', "Open Price", "<OPEN>"],
    "high": ["high", "HIGH", "H", " High", "<HIGH>"],
    "low": ["low", "Low", "L", '"Low"', "<LOW>"],
    "close": ["close", "Close", "C", "Close ", "Last", "<CLOSE>"],
    "volume": ["volume", "Volume", "Vol", "V", "tick_volume", "<TICKVOL>"],
}
TIMES = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y.%m.%d %H:%M", "%d.%m.%Y %H:%M:%S",
         "%d/%m/%Y %H:%M",         "%m/%d/%Y %H:%M", "%Y%m%d %H%M%S", "%Y-%m-%d %H:%M:%S+00:00", "epoch"]  # fmt: skip
WORDS = ["abc", "NaN", "nan", "inf", "-inf", "1e400", "-1", "0", "", "NULL", "N/A", "--", "1.2.3", "0x10", "١٢"]


@dataclass
class Case:
    """A file, the bars that are in it whole, and how many of its lines hold data."""

    text: bytes
    bars: list[tuple[datetime, float, float, float, float, float]]
    lines: int
    spoilt: int = 0
    shown: str = field(default="", repr=False)


def _time(moment: datetime, style: str) -> str:
    return str(int((moment - datetime(1970, 1, 1)).total_seconds())) if style == "epoch" else moment.strftime(style)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Good bars in an odd but legal dress, with bad lines between them."""
    names = list(HEADERS)
    order = draw(st.permutations(names))
    delimiter = draw(st.sampled_from([",", ";", "\t", "|"]))
    style = draw(st.sampled_from(TIMES))
    quoted = draw(st.booleans())
    padding = draw(st.sampled_from(["", "", " "]))
    ticks = draw(st.lists(st.tuples(st.integers(50, 150), st.integers(0, 20), st.integers(0, 20), st.integers(-9, 9)),
                          min_size=3, max_size=12))  # fmt: skip
    bars = []
    for i, (price, up, down, change) in enumerate(ticks):
        close = price + change
        high, low = max(price, close) + up, min(price, close) - down
        bars.append((START + timedelta(minutes=i), price / 4, high / 4, low / 4, close / 4, float(i * 10)))

    def line(bar: tuple[datetime, float, float, float, float, float]) -> str:
        values = dict(zip(names, (_time(bar[0], style), *map(repr, bar[1:])), strict=True))
        return delimiter.join(f'"{values[n]}"' if quoted else f"{padding}{values[n]}{padding}" for n in order)

    rows: list[tuple[str, bool]] = [(line(bar), True) for bar in bars]
    spoilt = 0
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(rows)))
        kind = draw(
            st.sampled_from(["word", "short", "long", "comment", "garbage", "twin", "blank", "spaces", "quote", "bytes"])
        )
        whole = draw(st.sampled_from(rows))[0] if rows else ""
        fields = line((START + timedelta(minutes=500 + spoilt), 1.0, 1.0, 1.0, 1.0, 1.0)).split(delimiter)
        if kind == "word":
            place = draw(st.integers(0, len(fields) - 1))
            if order[place] == "volume":
                continue
            fields[place] = draw(st.sampled_from(WORDS))
            new = delimiter.join(fields)
        elif kind == "short":
            new = delimiter.join(fields[: draw(st.integers(1, len(fields) - 1))])
        elif kind == "long":
            new = delimiter.join([*fields, "1", "2"])
        elif kind == "comment":
            new = "# exported on Tuesday"
        elif kind == "garbage":
            new = draw(
                st.text(alphabet=st.characters(codec="ascii", exclude_characters='\r\n,;\t|"'), min_size=1, max_size=20)
            )
        elif kind == "bytes":
            new = "\x00\x01\x7f"
        elif kind == "quote":
            new = delimiter.join([*fields[:-1], '"' + fields[-1].strip('"')])
        elif kind == "twin":
            new = whole
        else:
            new = "" if kind == "blank" else "   "
        if not new.strip(" "):
            rows.insert(at, (new, False))
            continue
        spoilt += 1
        rows.insert(at, (new, True))
    header = delimiter.join(draw(st.sampled_from(HEADERS[n])).replace('"', '"' if quoted else "") for n in order)
    if draw(st.booleans()) and rows:  # the last line is cut in the middle
        last = START + timedelta(minutes=900)
        cut = line((last, 1.0, 1.0, 1.0, 1.0, 1.0))
        rows.append((cut[: draw(st.integers(1, max(1, len(cut.split(delimiter)[0]) - 1)))], True))
        spoilt += 1
        end = ""
    else:
        end = draw(st.sampled_from(["\n", ""]))
    newline = draw(st.sampled_from(["\n", "\r\n", "mixed"]))
    parts = [header, *(text for text, _ in rows)]
    ends = [("\r\n" if i % 2 else "\n") if newline == "mixed" else newline for i in range(len(parts))]
    text = "".join(p + e for p, e in zip(parts, ends, strict=True))
    text = text.rstrip("\r\n") + end if end == "" else text
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]))
    encoded = text.encode(encoding, errors="replace")
    counted = sum(bool(t.strip(" ")) for t, is_row in rows if is_row)
    return Case(encoded, bars, counted, spoilt, text)


@settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES == FEW, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_no_good_row_is_lost_and_every_line_is_accounted_for(case: Case) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "X_M1.csv"
        path.write_bytes(case.text)
        lake = Lake(Path(folder) / "lake")
        try:
            report = ingest([path], lake, Options(symbol="X", timeframe=Timeframe("1m")))
        except DuckbtError as error:
            raise AssertionError(f"refused: {error}\n{case.shown}") from error
        read = report.files[0]
        manifest = report.datasets[0][0]
        files = [str(lake.folder("X", Timeframe("1m")) / f.path) for f in manifest.files]
        found = duckdb.execute(
            "select ts, open, high, low, close, volume from read_parquet(?) order by ts", [files]
        ).fetchall()
        missing = [bar for bar in case.bars if bar not in found]
        assert not missing, f"{missing}\n{case.shown}"
        assert read.rows == read.kept + read.duplicates + read.rejected
        assert read.rows == case.lines, f"{read}\n{case.shown}"
        assert len(found) == read.kept
        assert manifest.rejected.rows == read.rejected == sum(manifest.rejected.reasons.values())
