"""Comparing a run with trades or signals from elsewhere: exact moments and counts, money within a stated tolerance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb

from duckbt.errors import DataError
from duckbt.results.performance import read_report, write_report
from duckbt.results.verify import Verification, note_outcome
from duckbt.sqlfiles import connect, quote_name, quote_text

TOLERANCE = 1e-9
KEYS = {"trades": ("symbol", "direction", "entry_ts", "exit_ts"), "signals": ("symbol", "direction", "ts")}
EXACT = {"trades": ("exit_reason",), "signals": ("status",)}
MONEY = {"trades": ("quantity", "entry_price", "exit_price", "gross_pnl", "pnl"), "signals": ()}
RECORD = "baseline.json"


def verify_against(run: Path, baseline: Path, tolerance: float = TOLERANCE) -> Verification:
    """Compare a run with a Parquet or CSV file of trades or signals, or with a folder that scripts/capture_baseline.py made.

    Every row must have its counterpart with the same symbol, direction and timestamps, as often as it occurs. Other
    columns that both have: texts equal, prices and profits a, b with \\|a - b\\| <= tolerance · max(1, \\|b\\|).
    The outcome is noted in the run's report. Raises DataError for a file that holds neither.
    """
    files = [baseline]
    if baseline.is_dir():
        files = [f for f in (baseline / "trades.parquet", baseline / "signals.parquet") if f.is_file()]
    if not files or not all(f.is_file() for f in files):
        raise DataError(f"{baseline}: no such file, and no folder with trades.parquet or signals.parquet")
    found = Verification(run, f"{baseline}", pnl_tolerance=tolerance)
    with connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for file in files:
            _compare(connection, found, file, tolerance)
    note_outcome(run, found)
    if (baseline / RECORD).is_file():
        _note_allocations(run, json.loads((baseline / RECORD).read_text(encoding="utf-8")))
    return found


def _compare(connection: duckdb.DuckDBPyConnection, found: Verification, file: Path, tolerance: float) -> None:
    reader = "read_csv" if file.suffix.lower() in (".csv", ".gz") else "read_parquet"
    theirs = f"{reader}({quote_text(file)})"
    try:
        columns = [r[0] for r in connection.execute(f"describe from {theirs}").fetchall()]
    except duckdb.Error as error:
        raise DataError(f"{file} cannot be read: {str(error).splitlines()[0]}") from None
    kind = next((k for k, keys in KEYS.items() if set(keys) <= set(columns)), None)
    if kind is None:
        raise DataError(f"{file} has columns {', '.join(columns)}; trades need {KEYS['trades']}, signals {KEYS['signals']}")
    keys = KEYS[kind]
    ours = f"read_parquet({quote_text(found.run / f'{kind}.parquet')}, hive_partitioning = false)"
    mine = [r[0] for r in connection.execute(f"describe from {ours}").fetchall()]
    exact = [c for c in EXACT[kind] if c in columns and c in mine]
    money = [c for c in MONEY[kind] if c in columns and c in mine]
    listed = ", ".join(
        [*(f"{quote_name(k)}::varchar as {k}" for k in keys), *exact, *(f"{m}::double as {m}" for m in money)]
    )
    order = ", ".join([*keys, *exact, *money])
    for name, source in (("ours", ours), ("theirs", theirs)):
        connection.execute(
            f"create or replace temp table {name} as select *, row_number() over (partition by {', '.join(keys)} "
            f"order by {order}) as nth from (select {listed} from {source})"
        ).fetchall()
    unequal = [f"o.{c} is distinct from t.{c}" for c in exact]
    unequal += [f"coalesce(abs(o.{m} - t.{m}) > {tolerance!r} * greatest(1, abs(t.{m})), "
                f"o.{m} is distinct from t.{m})" for m in money]  # fmt: skip
    on = " and ".join(f"o.{k} = t.{k}" for k in (*keys, "nth"))
    rows = connection.execute(
        f"select count(*), count(o.nth), count(t.nth), "
        f"count(*) filter (where o.nth is not null and t.nth is not null and ({' or '.join(unequal) or 'false'})) "
        f"from ours o full join theirs t on {on}"
    ).fetchall()
    _, have, wanted, other = rows[0]
    found.tables[kind] = have
    lonely = connection.execute(
        f"select coalesce(o.nth is null, false), {', '.join(f'coalesce(o.{k}, t.{k})' for k in keys)} from ours o "
        f"full join theirs t on {on} where o.nth is null or t.nth is null order by all limit 3"
    ).fetchall()
    if have != wanted:
        found.differences.append(f"{kind}: {have} in the run, {wanted} in {file.name}")
    for missing, *values in lonely:
        where = f"only in {file.name}" if missing else "only in the run"
        found.differences.append(f"{kind}: {' '.join(map(str, values))} is {where}")
    if other:
        found.differences.append(f"{kind}: {other} rows differ in {', '.join([*exact, *money])} beyond {tolerance:g}")


def _note_allocations(run: Path, record: dict[str, Any]) -> None:
    """How many fewer allocations the run's scan made than the baseline's, bar for bar."""
    report = read_report(run)
    theirs, bars = record.get("allocation_count_scan"), record.get("candle_count")
    if report.allocation_count_scan is not None and theirs and bars:
        ratio = (report.allocation_count_scan / report.candle_count) / (theirs / bars)
        report.allocation_reduction_pct = round(100 * (1 - ratio), 4)
        write_report(run, report)
