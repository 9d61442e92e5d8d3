"""Compare every indicator that TA-Lib has as well with TA-Lib's own C code, on real bars.

python scripts/talib_parity.py FOLDER             # prints the table of docs/parity.md
python scripts/talib_parity.py FOLDER --write     # writes it there

FOLDER holds the Parquet files named in DATASETS. A difference is divided by the value, or by the column's median size
where the value is smaller than that: MACD passes through zero, and there the last bit of a price is everything.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from duckbt.lake.register import register
from duckbt.lake.store import Lake
from duckbt.results.run import prepare, scan_bars
from duckbt.strategy.load import parse_strategy

sys.path.insert(0, str(Path(__file__).parent))
from talib_cases import CASES, INDEX_OF_EXTREME, PATTERNS, Case, lookback, names, talib_columns

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "parity.md"
BEGIN, END = "<!-- parity: made by scripts/talib_parity.py -->", "<!-- end of parity -->"
TOLERANCE = 1e-9
DATASETS = {  # how many ticks make up the unit, and what it is
    "EURUSD_M1": (1e5, "FX, one minute, no volume"),
    "BTCUSD_M1": (1e2, "crypto, one minute"),
    "GOOG_D1": (1e2, "stock, daily"),
    "XAUUSD-EJT_H1": (1e2, "gold, hourly with gaps"),
    "ADABTC_M5": (1e8, "crypto, five minutes, prices near 0.00004"),
}
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Difference:
    """One output of one function on one dataset.

    ``warm_up``: first defined bar, ours and TA-Lib's; ``largest``: largest difference; ``beyond``: bars that differ by
    more than TOLERANCE; ``null``: bars after the warm-up where ours is NULL and TA-Lib's a number; ``extra``: the
    reverse; ``bars``: bars in all.
    """

    case: Case
    output: str
    warm_up: tuple[int, int]
    largest: float
    beyond: int
    null: int
    extra: int
    bars: int


def difference(case: Case, output: str, ours: Array, theirs: Array, first: int) -> Difference:
    """``first``: the warm-up that the compiler states; ``theirs`` is NaN before TA-Lib's."""
    start = lookback(case)
    mine, its = np.isfinite(ours), np.isfinite(theirs)
    both = mine & its
    gap = np.abs(ours[both] - theirs[both])
    size = np.abs(theirs[both])
    typical = float(np.median(size[size > 0])) if (size > 0).any() else 1.0
    relative = gap / np.maximum(size, typical)
    return Difference(
        case, output, (first, start), float(relative.max(initial=0.0)), int((relative > TOLERANCE).sum()),
        int((~mine & its)[start:].sum()), int((mine & ~its).sum() + (~mine & its)[:start].sum()), len(ours),
    )  # fmt: skip


def tied(price: Array, ours: Array, theirs: Array) -> Array:
    """Ours, with TA-Lib's bar number where both point at equal extremes."""
    same = np.isfinite(ours) & np.isfinite(theirs)
    same[same] = price[ours[same].astype(int)] == price[theirs[same].astype(int)]
    return np.where(same, theirs, ours)


def read(file: Path, bars: int | None, ticks: float | None) -> pa.Table:
    """Its first ``bars``; prices as whole multiples of a tick, ``ticks`` to the unit, where that is asked for."""
    table = pq.read_table(file)
    table = table if bars is None else table.slice(0, bars)
    for name in ("open", "high", "low", "close") if ticks else ():
        counted = pa.array(np.round(table[name].to_numpy() * ticks))
        table = table.set_column(table.column_names.index(name), name, counted)
    return table


def compare(file: Path, cases: Sequence[Case], bars: int | None = None, ticks: float | None = None) -> Iterator[Difference]:
    """All outputs of the cases on one file of bars."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / file.name
        pq.write_table(read(file, bars, ticks), path)
        lake = Lake(Path(folder) / "lake")
        (dataset,) = register([path], lake)
        lines = [f"{key(i)} = '''{case.expression}'''" for i, case in enumerate(cases)]
        head = f"name = 'parity'\ntimeframe = '{dataset.timeframe}'\n[indicators]"
        text = "\n".join([head, *lines, "[entry]", "long = 'false'"])
        prepared = prepare(parse_strategy(text, Path("parity.toml")), lake)
        out = Path(folder) / "scan.parquet"
        scan_bars(prepared, out)
        table = pq.read_table(out)
    first = {i.name: i.first_bar for i in prepared.program.indicators}

    def column(name: str) -> Array:
        return np.array(table[name].to_numpy(zero_copy_only=False), float)

    ohlcv = {name: np.nan_to_num(column(name)) for name in ("open", "high", "low", "close", "volume")}
    for i, case in enumerate(cases):
        for name, theirs in zip(names(case, key(i)), talib_columns(case, ohlcv), strict=True):
            ours = column(name)
            if case.function in INDEX_OF_EXTREME:
                ours = tied(ohlcv["close"], ours, theirs)
            yield difference(case, name.removeprefix(f"{key(i)}_") if case.outputs else "", ours, theirs, first[key(i)])


def key(number: int) -> str:
    """Name of a case among a strategy's indicators."""
    return f"case{number}"


def tables(folder: Path, bars: int | None) -> Iterator[str]:
    """Lines of both tables: functions by name, and patterns."""
    found: dict[tuple[str, str, bool], list[Difference]] = {}
    for name, (ticks, _) in DATASETS.items():
        for counted in (False, True):
            for d in compare(folder / f"{name}.parquet", [*CASES, *PATTERNS], bars, ticks if counted else None):
                found.setdefault((d.case.function, name, counted), []).append(d)
    total = sum(found["SMA", name, False][0].bars for name in DATASETS)
    yield f"{total:,} bars in all: " + "; ".join(
        f"{name}, {what} ({found['SMA', name, False][0].bars:,})" for name, (_, what) in DATASETS.items()
    )
    for cases, title in ((CASES, "Functions"), (PATTERNS, "Candlestick patterns")):
        yield f"\n## {title}\n"
        yield "| TA-Lib | here | first bar |" + "".join(f" {n} |" for n in DATASETS) + " in whole ticks |"
        yield "|---|---|--:|" + "---|" * (len(DATASETS) + 1)
        for case in cases:
            plain = [found[case.function, name, False] for name in DATASETS]
            whole = [d for name in DATASETS for d in found[case.function, name, True]]
            first = sorted({d.warm_up for ds in plain for d in ds})
            text = ", ".join(str(a) if a == b else f"**{a}** for {b}" for a, b in first)
            cells = " | ".join(cell(ds) for ds in (*plain, whole))
            yield f"| {case.function} | `{case.expression}` | {text} | {cells} |"
    yield "\n## Reasons\n"
    for case in CASES:
        reasons = [f"differs because {case.reason}"] if case.reason else []
        reasons += [f"NULL: {case.undefined}"] if case.undefined else []
        if reasons:
            yield f"- {case.function}: {'; '.join(reasons)}."


def cell(found: list[Difference]) -> str:
    """The largest difference, and how many bars lie beyond the tolerance or have no value here."""
    largest, beyond = max(d.largest for d in found), max(d.beyond for d in found)
    null, extra = max(d.null for d in found), max(d.extra for d in found)
    flags = found[0].case in PATTERNS
    text = "=" if largest == 0 else "" if flags else f"{largest:.0e}"
    if beyond:
        text += f"{beyond:,} bars" if flags else f" ({beyond:,} bars)"
    if null:
        text += f", {null:,} NULL"
    return text + (f", **{extra:,} extra**" if extra else "")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bars", type=int, default=100_000, help="so many bars of each file at most")
    parser.add_argument("--write", action="store_true", help=f"write the table into {PAGE.relative_to(ROOT)}")
    args = parser.parse_args()
    lines = tables(args.folder, args.bars)
    if args.write:
        text = PAGE.read_text(encoding="utf-8")
        made = "\n".join([BEGIN, *lines, END])
        PAGE.write_text(text[: text.index(BEGIN)] + made + text[text.index(END) + len(END) :], encoding="utf-8")
    else:
        print("\n".join(lines))


if __name__ == "__main__":
    main()
