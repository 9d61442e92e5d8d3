"""``report.html``: one run on one page that needs nothing else, no network, no script."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import jinja2

from duckbt.results.folder import read_run_manifest
from duckbt.results.performance import read_report
from duckbt.sqlfiles import connect, quote_text

PAGE = "report.html"
POINTS = 1200  # of a curve: more than a screen has pixels across
TRADES = 50
WIDTH, HEIGHT = 1000.0, 260.0
TRADE_COLUMNS = (
    "trade_id, symbol, direction, entry_ts, entry_price, exit_ts, exit_price, exit_reason, quantity, costs, pnl, "
    "r_multiple, bars_held"
)
COSTS = ("spread_cost", "slippage_cost", "commission", "financing", "costs")


def write_html(run: Path) -> Path:
    """Make the page of a published run, if it is not there yet or older than the run; returns its path. Raises DataError."""
    page = run / PAGE
    manifest, report = read_run_manifest(run), read_report(run)
    if page.is_file() and page.stat().st_mtime_ns >= (run / "report.json").stat().st_mtime_ns:
        return page
    with connect() as connection:
        metrics: dict[str, dict[str, Any]] = {}
        for scope, name, value in _rows(connection, run, "metrics", "scope, name, value"):
            metrics.setdefault(name, {})[scope] = value
        scopes = [s for s in ("all", "long", "short") if any(s in values for values in metrics.values())]
        context = {
            "manifest": manifest,
            "report": report,
            "curves": _curves(connection, run),
            "months": _months(connection, run),
            "metrics": metrics,
            "scopes": scopes,
            "costs": list(
                zip(COSTS, _rows(connection, run, "trades", ", ".join(f"sum({c})" for c in COSTS))[0], strict=True)
            ),
            "columns": TRADE_COLUMNS.split(", "),
            "trades": _rows(connection, run, "trades", TRADE_COLUMNS, f"order by trade_id limit {TRADES}"),
        }
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["figure"] = figure
    beside = page.with_name(f".{PAGE}.{os.getpid()}")
    beside.write_text(environment.get_template("report.html.j2").render(**context), encoding="utf-8")
    os.replace(beside, page)
    return page


def figure(value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, float):
        return f"{value:,.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:,.6g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _rows(
    connection: duckdb.DuckDBPyConnection, run: Path, table: str, columns: str, rest: str = ""
) -> list[tuple[Any, ...]]:
    source = f"read_parquet({quote_text(run / f'{table}.parquet')}, hive_partitioning = false)"
    return connection.execute(f"select {columns} from {source} {rest}").fetchall()


def _curves(connection: duckdb.DuckDBPyConnection, run: Path) -> list[dict[str, Any]]:
    """Equity and drawdown, thinned to the last value (or the deepest) of each of ``POINTS`` stretches of time."""
    rows = _rows(
        connection, run, "equity",
        "epoch(max(ts)) as moment, max_by(equity, ts), max(drawdown), max(ts)",
        f"group by floor((epoch(ts) - (select epoch(min(ts)) from read_parquet({quote_text(run / 'equity.parquet')}))) / "
        f"greatest(1, (select epoch(max(ts)) - epoch(min(ts)) from read_parquet({quote_text(run / 'equity.parquet')}))) "
        f"* {POINTS}) order by moment",
    )  # fmt: skip
    if not rows:
        return []
    first, last = rows[0][3], rows[-1][3]
    return [
        {"name": name, "points": points, "low": low, "high": high, "first": first, "last": last}
        for name, (points, low, high) in (
            ("Equity", _points([(r[0], r[1]) for r in rows])),
            ("Drawdown, percent", _points([(r[0], -100 * r[2]) for r in rows])),
        )
    ]


def _points(values: Sequence[tuple[float, float]]) -> tuple[str, float, float]:
    """(points of an SVG line, lowest value, highest value)."""
    left, right = values[0][0], values[-1][0]
    low, high = min(v for _, v in values), max(v for _, v in values)
    across, up = max(right - left, 1e-9), max(high - low, 1e-9)
    points = " ".join(f"{(x - left) / across * WIDTH:.1f},{HEIGHT - (y - low) / up * HEIGHT:.1f}" for x, y in values)
    return points, low, high


def _months(connection: duckdb.DuckDBPyConnection, run: Path) -> list[tuple[int, list[float | None], float | None]]:
    """(year, return of each month in percent, of the year)."""
    rows = _rows(connection, run, "calendar", "period, year(begins), month(begins), return_pct", "order by begins")
    months = {(y, m): value for period, y, m, value in rows if period == "month"}
    years = {y: value for period, y, _, value in rows if period == "year"}
    return [(y, [months.get((y, m)) for m in range(1, 13)], years[y]) for y in sorted(years)]
