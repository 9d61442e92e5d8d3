"""Ingest beside what only reads and writes: one big CSV, a thousand small ones, one with many symbols.

    python scripts/bench_ingest.py                                 # 6.9 million bars, three rounds
    python scripts/bench_ingest.py --pandas-python PATH/bin/python  # a Python with pandas and pyarrow
    python scripts/bench_ingest.py --bars 10000000 --memory-limit 512MB

Every contender runs as a process of its own, in turn, round after round, so that all meet the same machine; tables show
medians, and ratios are medians of the ratios within a round. Files are in the system's cache after round 0.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

from bench_single import HERE, Contender

COPY = """\
import sys, duckdb
duckdb.execute("set enable_progress_bar = false")
duckdb.execute(f"copy (from read_csv('{sys.argv[1]}')) to '{sys.argv[2]}' (format parquet, compression zstd)")
print("{}")
"""
PANDAS = """\
import sys, pandas
frame = pandas.read_csv(sys.argv[1], parse_dates=["time"])
frame.to_parquet(sys.argv[2], compression="zstd")
print("{}")
"""


def bars_as_csv(folder: Path, bars: int) -> Path:
    """Synthetic one-minute bars as people have them: a header, ISO times, plain numbers."""
    parquet, csv = folder / f"big-{bars}" / "SYN000_M1.parquet", folder / f"big-{bars}" / "SYN000_M1.csv"
    if not parquet.exists():
        made = ["--bars", str(bars), "--seed", "7", "--out", str(parquet.parent)]
        subprocess.run([sys.executable, str(HERE / "make_bars.py"), *made], check=True)
    if not csv.exists():
        query = f"select ts as time, open, high, low, close, volume::bigint as volume from '{parquet}'"
        duckdb.execute(f"copy ({query}) to '{csv}.part' (header)")
        Path(f"{csv}.part").replace(csv)
    return csv


def many_files(folder: Path, big: Path) -> Path:
    """A thousand files of 1,259 daily bars, each of a symbol of its own."""
    made = folder / "many"
    if not made.exists():
        made.mkdir()
        for number in range(1000):
            days = f"select row_number() over () as n, * from (from read_csv('{big}') limit 1259 offset {number * 1259})"
            query = f"select date '2019-01-02' + n::integer as date, open, high, low, close, volume from ({days})"
            duckdb.execute(f"copy ({query}) to '{made / f'S{number:03d}_D1.csv'}' (header)")
    return made


def one_file(folder: Path, many: Path) -> Path:
    """The same bars in one file, with a symbol column, day by day."""
    made = folder / "universe.csv"
    if not made.exists():
        query = f"select *, parse_filename(filename)[:4] as name from read_csv('{many}/*.csv', filename = true)"
        duckdb.execute(f"copy (select * exclude (filename) from ({query}) order by date, name) to '{made}' (header)")
    return made


class Ingest(Contender):
    """``duckcli data ingest`` into a lake that is not there yet."""

    def run(self, keep: bool) -> None:
        """One process."""
        shutil.rmtree(self.command[-1], ignore_errors=True)
        super().run(keep)


def table(title: str, found: list[Contender], size: int, rows: int) -> None:
    """Print the results as Markdown; the first contender is ours."""
    ours = found[0]
    print(f"\n{title}: {size / 1e6:,.0f} MB, {rows:,} rows\n")
    print("| | median s | least .. most | MB/s | rows/s | peak MB | ours / this |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for contender in found:
        seconds, peak = contender.seconds, statistics.median(contender.peaks) / 1e6
        middle = statistics.median(seconds)
        ratio = statistics.median(a / b for a, b in zip(ours.seconds, seconds, strict=True))
        print(
            f"| {contender.name} | {middle:.2f} | {min(seconds):.2f} .. {max(seconds):.2f} | {size / middle / 1e6:,.0f} "
            f"| {rows / middle:,.0f} | {peak:,.0f} | {ratio:.2f} |"
        )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bars", type=int, default=6_900_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "duckbt-bench")
    parser.add_argument("--pandas-python", type=Path, help="a Python with pandas and pyarrow")
    parser.add_argument("--memory-limit", help="for duckcli, as in 512MB")
    parser.add_argument("--only-big", action="store_true", help="leave out the many files and the many symbols")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    big = bars_as_csv(given.folder, given.bars)
    lake, out = str(given.folder / "lake-ingest"), str(given.folder / "out.parquet")
    limit = ["--memory-limit", given.memory_limit] if given.memory_limit else []

    def duckcli(files: Path, name: str) -> Ingest:
        return Ingest(name, [sys.executable, "-m", "duckbt", "data", "ingest", str(files), "--json", *limit, "--lake", lake])

    alone = Contender("DuckDB COPY alone", [sys.executable, "-c", COPY, str(big), out])
    whole: list[Contender] = [duckcli(big, "duckcli data ingest"), alone]
    if given.pandas_python:
        whole.append(Contender("pandas.read_csv, to_parquet", [str(given.pandas_python), "-c", PANDAS, str(big), out]))
    cases = [("One file, one symbol", big, whole)]
    if not given.only_big:
        many = many_files(given.folder, big)
        universe = one_file(given.folder, many)
        together = Contender("DuckDB COPY of all into one", [sys.executable, "-c", COPY, f"{many}/*.csv", out])
        cases.append(("A thousand files, a symbol each", many, [duckcli(many, "duckcli data ingest"), together]))
        symbols = Contender("DuckDB COPY alone", [sys.executable, "-c", COPY, str(universe), out])
        cases.append(("One file, a thousand symbols, by day", universe, [duckcli(universe, "duckcli data ingest"), symbols]))
    load = []
    for number in range(given.rounds + 1):
        for _, _, contenders in cases:
            for contender in contenders:
                contender.run(keep=number > 0)
                load.append(os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan"))
    print(f"{given.rounds} rounds, {os.cpu_count()} cores, load {min(load):.1f} .. {max(load):.1f}")
    for title, files, contenders in cases:
        paths = list(files.glob("*.csv")) if files.is_dir() else [files]
        pattern = f"{files}/*.csv" if files.is_dir() else str(files)
        found = duckdb.execute(f"select count(*) from read_csv('{pattern}')").fetchall()
        table(title, contenders, sum(p.stat().st_size for p in paths), int(found[0][0]))


if __name__ == "__main__":
    main()
