"""``run.sql`` alone, in a DuckDB that has never heard of duckbt, makes the very same trades."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from conftest import strategy
from duckbt.engine import scan_steps
from duckbt.lake.sample import make_sample_lake, sample_strategy
from duckbt.lake.store import Lake
from duckbt.results.run import Run, backtest

BARE = """
import sys, duckdb
script, trades = sys.argv[1:]
connection = duckdb.connect()
connection.execute("set enable_progress_bar = false")
connection.execute(open(script, encoding="utf-8").read()).fetchall()
rows = lambda sql: connection.sql(sql).fetchall()
stored = f"(from read_parquet('{trades}', hive_partitioning = false))"
columns = ", ".join(c[0] for c in rows(f"describe {stored}"))
made = f"(select {columns} from trades)"
assert [c[:2] for c in rows(f"describe {made}")] == [c[:2] for c in rows(f"describe {stored}")]
print(len(rows(made)), len(rows(f"{made} except all {stored}")), len(rows(f"{stored} except all {made}")))
assert not [m for m in sys.modules if m.startswith("duckbt")]
"""

CROSS = {
    "indicators": {"fast": "ema(close, 12)", "slow": "ema(close, 48)", "atr14": "atr(14)"},
    "entry": {"long": "crossed_above(fast, slow)", "short": "crossed_below(fast, slow)"},
}
CASES = {
    "signal exits, no levels": ({**CROSS, "exit": {"long": "close < slow", "short": "close > slow"}}, {}),
    "everything at once": (
        {
            **CROSS,
            "exit": {
                "stop": "2 * atr14",
                "target": "2 * stop",
                "max_bars": 60,
                "long": "fast < slow",
                "short": "fast > slow",
            },
        },
        {},
    ),
    "only max_bars": ({**CROSS, "exit": {"max_bars": 15}}, {"symbols": ["EURSYN"]}),
    "a date range": (
        {**CROSS, "exit": {"stop": "2 * atr14", "target": "3 * atr14"}},
        {"first": datetime(2024, 1, 10), "last": datetime(2024, 2, 20, 12)},
    ),
    "a date range with warm-up": (
        {**CROSS, "exit": {"stop": "2 * atr14"}},
        {"first": datetime(2024, 1, 10), "warmup": 500, "symbols": ["GBPSYN"]},
    ),
    "limit orders, trailing stop, break-even": (
        {
            **CROSS,
            "entry": {**CROSS["entry"], "price": {"limit": "close - 0.5 * atr14", "bars": 5}},
            "exit": {"stop": "3 * atr14", "trail": "2 * atr14", "breakeven": {"at": "atr14"}},
        },
        {"symbols": ["EURSYN"]},
    ),
    "costs and partial exits": (
        {
            **CROSS,
            "exit": {"stop": "2 * atr14", "target": "4 * atr14", "scale_out": [{"at": "atr14", "fraction": 0.5}]},
            "costs": {"spread": 0.0001, "slippage": 0.00002, "commission": {"rate": 0.00002, "per_trade": 0.5}},
        },
        {"symbols": ["GBPSYN"]},
    ),
    "an account that compounds": (
        {**CROSS, "exit": {"stop": "2 * atr14", "target": "3 * atr14"}, "size": {"mode": "risk", "value": 0.005}},
        {},
    ),
    "days": ({**CROSS, "timeframe": "1d", "exit": {"stop": "2 * atr14"}}, {"symbols": ["STKSYN"]}),
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = Lake(tmp_path_factory.mktemp("script") / "lake")
    make_sample_lake(made)
    return made


def bare_duckdb(run: Run) -> tuple[int, int, int]:
    """(trades the script makes, those not in the run folder, those only there), from a process without duckbt."""
    done = subprocess.run(
        [sys.executable, "-c", BARE, "run.sql", "trades.parquet"],
        cwd=run.path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made, new, missing = map(int, done.stdout.split())
    return made, new, missing


def test_the_sample_run(lake: Lake, tmp_path: Path) -> None:
    run = backtest(sample_strategy(), lake, results=tmp_path)
    assert run.report_json["trade_count"] > 1000
    assert bare_duckdb(run) == (run.report_json["trade_count"], 0, 0)


@pytest.mark.parametrize("case", CASES)
def test_the_script_makes_the_same_trades(case: str, lake: Lake, tmp_path: Path) -> None:
    sections, selection = CASES[case]
    run = backtest(strategy(**sections), lake, results=tmp_path, **selection)
    assert run.report_json["trade_count"] >= 10
    assert bare_duckdb(run) == (run.report_json["trade_count"], 0, 0)


def test_a_scan_in_pieces(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_steps, "PIECE_BARS", 20_000)
    run = backtest(sample_strategy(), lake, results=tmp_path)
    assert (run.path / "run.sql").read_text().count("create or replace table scan_") > 5
    assert bare_duckdb(run) == (run.report_json["trade_count"], 0, 0)


def test_also_into_a_database_file(lake: Lake, tmp_path: Path) -> None:
    run = backtest(sample_strategy(), lake, results=tmp_path)
    with duckdb.connect(tmp_path / "out.duckdb") as connection:
        connection.execute((run.path / "run.sql").read_text(encoding="utf-8")).fetchall()
    with duckdb.connect(tmp_path / "out.duckdb", read_only=True) as connection:
        assert connection.execute("select count(*) from trades").fetchall() == [(run.report_json["trade_count"],)]


def _guard(script: str) -> str:
    """The statements before the first stage, which refuse a DuckDB that is too old."""
    return script[: script.index("-- ===== ")]


@pytest.mark.parametrize(("version", "fits"), [
    ("v2.0.0", True), ("v2.1.0-dev123", True), ("v3.0.0", True), ("v10.2.1", True),
    ("v1.5.6", False), ("v1.4.5", False), ("v1.10.0", False), ("v0.10.3", False),
])  # fmt: skip
def test_old_versions_are_refused_before_anything_is_made(version: str, fits: bool, lake: Lake, tmp_path: Path) -> None:
    run = backtest(sample_strategy(), lake, results=tmp_path, symbols=["EURSYN"])
    script = (run.path / "run.sql").read_text(encoding="utf-8")
    guard = _guard(script)
    assert "create" not in guard
    statement = guard[guard.index("select case") :].replace("version()", f"'{version}'")
    assert statement != guard[guard.index("select case") :]
    with duckdb.connect() as connection:
        if fits:
            assert connection.execute(statement).fetchall() == [(None,)]
        else:
            with pytest.raises(duckdb.Error, match="this script needs DuckDB"):
                connection.execute(statement)


def test_a_refused_script_leaves_no_trades_even_where_errors_are_passed_over(lake: Lake, tmp_path: Path) -> None:
    """Shells that read from a pipe carry on after an error; what follows must fail too."""
    run = backtest(sample_strategy(), lake, results=tmp_path, symbols=["EURSYN"])
    script = (run.path / "run.sql").read_text(encoding="utf-8").replace("version()", "'v1.5.6'", 1)
    with duckdb.connect() as connection:
        for statement in connection.extract_statements(script):
            try:
                connection.execute(statement).fetchall()
            except duckdb.Error as error:
                if "aborted" in str(error):
                    connection.rollback()
        tables = {r[0] for r in connection.execute("select table_name from duckdb_tables()").fetchall()}
    assert not tables & {"bars", "scan", "trades", "signals", "metrics"}


def test_the_script_holds_exactly_the_statements_of_the_plan(lake: Lake, tmp_path: Path) -> None:
    from duckbt.results.run import prepare

    prepared = prepare(sample_strategy(), lake)
    run = backtest(sample_strategy(), lake, results=tmp_path)
    body = (run.path / "run.sql").read_text(encoding="utf-8").split("-- ===== ", 1)[1]
    for _, statement in prepared.plan.statements():
        assert f"{statement};" in body
    assert len(re.findall(r"^create or replace ", body, re.MULTILINE)) == len(list(prepared.plan.statements()))
