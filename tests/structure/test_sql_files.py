"""The SQL files keep to their form, and the plan to their headers: what a stage reads was written before it."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pytest

from conftest import ROOT, strategy, write_bars
from duckbt import sqlfiles
from duckbt.engine import scan_steps
from duckbt.engine.plan import CHECKS, Plan
from duckbt.experiments.api import sweep
from duckbt.lake.findings import Audit
from duckbt.lake.ingest import ingest
from duckbt.lake.register import register
from duckbt.lake.resample import resample
from duckbt.lake.store import Lake
from duckbt.lake.timeframe import Timeframe
from duckbt.results.run import prepare
from duckbt.sqlfiles import render

SQL = ROOT / "sql"
FILES = sorted(p.relative_to(SQL).as_posix() for p in SQL.rglob("*.sql*"))
STAGES = [f for f in FILES if re.match(r"[1-7]0_", f) and not f.startswith("20_")]
LONGEST = 60
LONGER = {  # to be split; the numbers may only shrink
    "40_entries/candidates.sql.j2": 72, "50_exits/asked.sql.j2": 77, "50_exits/exits.sql.j2": 60,
    "60_trades/trades.sql.j2": 63, "70_results/like_backtestingpy.sql.j2": 72, "70_results/trade_metrics.sql.j2": 112,
}  # fmt: skip
OUTSIDE = {"Parquet files", "Parquet files of the currency pairs", "ledger.parquet", "nothing"}
BY_STRATEGY = {"50_exits/asked"}  # a view that joins whatever questions the strategy asks; its header says so in words

CROSS = {"long": "crossed_above(close, sma(close, 3))", "short": "crossed_below(close, sma(close, 3))"}
STRATEGIES: dict[str, dict[str, Any]] = {
    "plain": {"entry": {"long": "close > open"}, "exit": {"stop_price": "low", "target_price": "2 * high"}},
    "many rules": {
        "params": {"n": 3},
        "indicators": {"mean": "sma(close, $n)", "range14": "atr(3)", "band": "bbands(close, 3)"},
        "entry": {"long": "close > mean", "short": "close < mean", "when": "hour(ts) >= 0"},
        "exit": {
            "stop": "2 * range14",
            "target": "3 * stop",
            "max_bars": 9,
            "long": "close < mean",
            "short": "close > mean",
        },
    },
    "limit orders": {"entry": {**CROSS, "price": {"limit": "low", "bars": 3, "cancel": "close > 105"}}, "exit": {"stop": 2}},
    "stop orders": {"entry": {**CROSS, "price": {"stop": "high", "bars": 3}}, "exit": {"stop": 2, "target": 3}},
    "stops that move": {
        "entry": CROSS,
        "exit": {"stop": 5, "trail": 3, "trail_after": 1, "breakeven": {"at": 2}, "scale_out": [{"at": 1, "fraction": 0.5}]},
    },
    "a stop that follows": {
        "entry": CROSS,
        "exit": {"trail_price": {"long": "lowest(low, 5)", "short": "highest(high, 5)"}},
    },
    "all at once": {"entry": {**CROSS, "overlap": "stack"}, "exit": {"max_bars": 3, "flat_when": "minute(ts) = 7"}},
    "an account": {"entry": CROSS, "exit": {"stop": 2, "target": 3}, "size": {"mode": "risk", "value": 0.01}},
    "sizes": {"entry": CROSS, "exit": {"stop": 2}, "size": {"mode": "risk", "value": 0.01, "compounding": False}},
    "costs": {
        "entry": CROSS,
        "exit": {"stop": 2, "target": 3},
        "costs": {"spread": 0.1, "slippage": 0.1, "commission": {"rate": 0.001}, "financing": {"long": 0.02}},
    },
    "another currency": {"entry": CROSS, "exit": {"max_bars": 3}, "size": {"currency": "EUR"}},
    "account in another currency": {
        "entry": CROSS,
        "exit": {"stop": 2},
        "costs": {"spread": 0.1},
        "size": {"mode": "equity_fraction", "value": 0.5, "currency": "EUR"},
    },
    "finer bars": {"timeframe": "5m", "entry": CROSS, "exit": {"stop": 2, "target": 2, "same_bar": "finer"}},
    "filled on finer bars": {
        "timeframe": "5m",
        "entry": CROSS,
        "exit": {"stop": 2, "max_bars": 5, "long": "close < open", "resolve_on": "1m"},
    },
    "as backtesting.py": {"entry": CROSS, "exit": {"stop": 2}, "compat": {"like": "backtesting.py"}},
    "as vectorbt": {"entry": CROSS, "exit": {"stop": 2}, "compat": {"like": "vectorbt"}},
    "marked by the hour": {"entry": CROSS, "exit": {"max_bars": 3}, "equity": {"mark": "1h"}},
}


def test_there_are_sql_files() -> None:
    assert len(FILES) > 50


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_short_and_says_what_it_is(file: str) -> None:
    lines = (SQL / file).read_text(encoding="utf-8").splitlines()
    limit = LONGER.get(file, LONGEST - 1)
    assert len(lines) <= limit, f"{file} has {len(lines)} lines"
    head = [line for line in lines[:12] if line.startswith("--")]
    assert re.match(r"-- ([a-z0-9_]+|\{\{ [a-z]+ \}\}[a-z_]*)(\(x\))?: \S", head[0]), (
        f"{file}: first line: what, and its purpose"
    )
    assert lines[-1].strip(), f"{file} ends with empty lines"


@pytest.mark.parametrize("file", STAGES)
def test_a_stage_says_what_it_reads_and_writes(file: str) -> None:
    head = "\n".join((SQL / file).read_text(encoding="utf-8").splitlines()[:10])
    assert "-- reads: " in head
    assert ". writes: " in head
    assert "key: " in head or "(macro)" in head


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_says_what_it_claims(check: str) -> None:
    head = (SQL / "checks" / f"{check}.sql").read_text(encoding="utf-8")
    assert head.startswith(f"-- {check}: ")
    assert "-- reads: " in head


def test_every_check_is_run() -> None:
    assert sorted(CHECKS) == sorted(p.stem for p in (SQL / "checks").glob("*.sql"))


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Minutes and five minutes of two currency pairs."""
    folder = tmp_path_factory.mktemp("structure")
    made = Lake(folder / "lake")
    rows = [(100 + i % 7, 104 + i % 7, 98 + i % 7, 101 + i % 5) for i in range(400)]
    for symbol in ("EURUSD", "GBPUSD"):
        for minutes in (1, 5):
            file = write_bars(folder / f"{symbol}_{minutes}.parquet", rows[: 400 // minutes], minutes)
            register([file], made, symbol=symbol, timeframe=Timeframe(f"{minutes}m"))
    return made


def plan_of(lake: Lake, case: str, in_pieces: bool = False) -> Plan:
    """The plan of one strategy; in pieces also with a date range and a warm-up."""
    with pytest.MonkeyPatch.context() as patch:
        if not in_pieces:
            return prepare(strategy(**STRATEGIES[case]), lake).plan
        patch.setattr(scan_steps, "PIECE_BARS", 100)
        return prepare(strategy(**STRATEGIES[case]), lake, first=datetime(2024, 1, 1, 1), warmup=5).plan


@pytest.fixture(scope="module", params=[*STRATEGIES, "many rules, in pieces"])
def plan(request: pytest.FixtureRequest, lake: Lake) -> Plan:
    """Plans that together use every stage."""
    return plan_of(lake, request.param.removesuffix(", in pieces"), request.param.endswith("in pieces"))


def _names(text: str) -> set[str]:
    """``a, b (why)`` → the names."""
    names = set()
    for part in re.sub(r"\([^)]*\)", "", text).split(","):
        names |= {part.strip()}
    return names


def _header(statement: str) -> tuple[set[str], set[str]]:
    head = " ".join(line[3:] for line in statement.splitlines() if line.startswith("-- "))
    reads = re.search(r"reads: (.*?)\. writes: ", head)
    writes = re.search(r"writes: ([^.]*)\.", head[head.find("writes: ") :])
    assert reads, head[:200]
    assert writes, head[:200]
    return _names(reads[1]), _names(writes[1])


def _tree(statement: str) -> tuple[str, dict[str, Any]] | None:
    """Name and parse tree of the SELECT that a statement stores; None for macros."""
    made = re.search(r"create or replace (?:table|view) (\w+) as\s", statement)
    if made is None:
        return None
    with duckdb.connect() as connection:
        row = connection.execute("select json_serialize_sql(?)", [statement[made.end() :]]).fetchall()[0]
    tree = json.loads(row[0])
    assert not tree["error"], f"{made[1]}: {tree}"
    return made[1], tree["statements"][0]["node"]


def _find(node: Any, kind: str, key: str) -> set[str]:
    if isinstance(node, dict):
        own = {str(node[key])} if node.get("type") == kind and key in node else set()
        return own.union(*(_find(v, kind, key) for v in node.values()))
    return set().union(*(_find(v, kind, key) for v in node)) if isinstance(node, list) else set()


def _ctes(node: Any) -> set[str]:
    found: set[str] = set()
    if isinstance(node, dict):
        found |= {entry["key"] for entry in node["cte_map"]["map"]} if "cte_map" in node else set()
        found |= {node["cte_name"]} if "cte_name" in node else set()
        return found.union(*(_ctes(v) for v in node.values()))
    return found.union(*(_ctes(v) for v in node)) if isinstance(node, list) else found


def test_stages_read_only_what_was_written_before_and_say_so(plan: Plan) -> None:
    there: set[str] = set()
    for name, statement in plan.statements():
        reads, writes = _header(statement)
        parsed = _tree(statement)
        if name in BY_STRATEGY and parsed:
            reads = _find(parsed[1], "BASE_TABLE", "table_name") - _ctes(parsed[1])
        assert reads <= there | OUTSIDE, f"{name} reads {sorted(reads - there - OUTSIDE)}, which no stage before it writes"
        if parsed:
            made, tree = parsed
            used = _find(tree, "BASE_TABLE", "table_name") - _ctes(tree)
            assert {made} == writes, f"{name} says that it writes {writes}"
            assert used == reads - OUTSIDE, f"{name}: header {sorted(reads - used)}, statement {sorted(used - reads)}"
        there |= writes
    assert {"trades", "signals", "equity", "metrics"} <= there


def test_stages_run_in_the_order_of_their_numbers(plan: Plan) -> None:
    rooms = [
        int(name[:2]) for name, _ in plan.statements() if not name.startswith("50_exits/order_")
    ]  # orders wait for a touch
    assert rooms == sorted(rooms), [name for name, _ in plan.statements()]


def test_a_stage_lists_its_columns(plan: Plan) -> None:
    """No star at the edge of a stage: a column that appears upstream never slips through."""

    def stars(node: dict[str, Any]) -> bool:
        if node["type"] == "SET_OPERATION_NODE":
            children = node.get("children") or [node["left"], node["right"]]
            return any(stars(c) for c in children)
        return any(item["class"] == "STAR" for item in node["select_list"])

    for name, statement in plan.statements():
        parsed = _tree(statement)
        if parsed and name not in BY_STRATEGY:
            assert not stars(parsed[1]), f"{name} ends in select *"


def test_every_stage_is_used(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used: set[str] = set()

    class Recording(jinja2.FileSystemLoader):  # asked for includes as well
        def get_source(self, environment: jinja2.Environment, template: str) -> Any:
            used.add(template)
            return super().get_source(environment, template)

    def recording(path: str) -> str:
        used.add(path)
        return (SQL / path).read_text(encoding="utf-8")

    monkeypatch.setattr(sqlfiles._environment(), "loader", Recording(SQL))
    monkeypatch.setattr(sqlfiles, "read_sql", recording)
    for case in STRATEGIES:
        plan_of(lake, case)
    plan_of(lake, "plain", in_pieces=True)
    for peer in ("backtesting.py", "vectorbt"):  # their statistics are of one symbol
        prepare(strategy(**STRATEGIES[f"as {peer}"]), lake, "EURUSD")
    with duckdb.connect() as connection:
        rows = "select ts + interval 1 minute as ts, 1.0 as open, 1.0 as high, 1.0 as low, 1.0 as close"
        source = "from range(timestamp '2024-01-01', timestamp '2024-01-02', interval 1 minute) t(ts) order by ts desc"
        connection.execute(f"copy ({rows} {source}) to '{tmp_path / 'b.parquet'}'")
    unsorted_lake = Lake(tmp_path / "unsorted")
    register([tmp_path / "b.parquet"], unsorted_lake, symbol="B", timeframe=Timeframe("1m"))
    prepare(strategy(**STRATEGIES["plain"]), unsorted_lake)
    (tmp_path / "C_1m.csv").write_text(
        "time,open,high,low,close\n2024-01-01 00:02,1,1,1,1\n2024-01-01 00:01,1,1,1,1\n2024-01-01 00:03,0,1,1,1\n"
    )
    ingest([tmp_path / "C_1m.csv"], unsorted_lake)
    Audit(unsorted_lake).summary()
    resample(unsorted_lake, ["C"], Timeframe("2m"))
    sweep(strategy(**STRATEGIES["many rules"]), lake, {"n": [3, 4]}, symbols=["EURUSD"], results=tmp_path / "results")
    assert sorted(used & set(STAGES)) == STAGES


def test_a_template_without_its_values_is_refused() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render("10_bars/blocks.sql.j2")


def test_plain_sql_files_parse_as_they_are() -> None:
    for file in FILES:
        if file.endswith(".sql"):
            body = "\n".join(line for line in sqlfiles.read_sql(file).splitlines() if not line.startswith("--"))
            with duckdb.connect() as connection:
                assert connection.extract_statements(body), file
