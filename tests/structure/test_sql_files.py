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
from duckbt.engine import plan as plans
from duckbt.engine.plan import CHECKS, Plan
from duckbt.lake.register import register
from duckbt.lake.store import Lake
from duckbt.lake.timeframe import Timeframe
from duckbt.results.run import prepare
from duckbt.sqlfiles import render

SQL = ROOT / "sql"
FILES = sorted(p.relative_to(SQL).as_posix() for p in SQL.rglob("*.sql*"))
STAGES = [f for f in FILES if re.match(r"[1-7]0_", f) and not f.startswith("20_")]
LONGEST = 60
LONGER = {  # to be split; the numbers may only shrink
    "40_entries/levels.sql.j2": 61, "50_exits/exits.sql.j2": 90, "70_results/equity_metrics.sql.j2": 70,
    "70_results/trade_metrics.sql.j2": 98,
}  # fmt: skip
OUTSIDE = {"Parquet files", "nothing"}

EVERYTHING = {
    "params": {"n": 3},
    "indicators": {"mean": "sma(close, $n)", "range14": "atr(3)", "band": "bbands(close, 3)"},
    "entry": {"long": "crossed_above(close, mean)", "short": "crossed_below(close, mean)", "when": "hour(ts) >= 0"},
    "exit": {"stop": "2 * range14", "target": "3 * stop", "max_bars": 9, "long": "close < mean", "short": "close > mean"},
}
PLAIN = {"entry": {"long": "close > open"}, "exit": {"stop_price": "low", "target_price": "2 * high"}}


def test_there_are_sql_files() -> None:
    assert len(FILES) > 50


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_short_and_says_what_it_is(file: str) -> None:
    lines = (SQL / file).read_text(encoding="utf-8").splitlines()
    limit = LONGER.get(file, LONGEST - 1)
    assert len(lines) <= limit, f"{file} has {len(lines)} lines"
    head = [line for line in lines[:12] if line.startswith("--")]
    assert re.match(r"-- [a-z0-9_]+(_\{\{ level \}\}|\(x\))?: \S", head[0]), f"{file}: first line: what, and its purpose"
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


@pytest.fixture(scope="module", params=["everything", "plain", "many symbols, pieces, a range"])
def plan(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """Plans that together use every stage."""
    folder = tmp_path_factory.mktemp("plan")
    rows = [(100 + i % 7, 104 + i % 7, 98 + i % 7, 101 + i % 5) for i in range(400)]
    symbols = ("A",) if request.param != "many symbols, pieces, a range" else ("A", "B", "C")
    lake = Lake(folder / "lake")
    for symbol in symbols:
        register([write_bars(folder / f"{symbol}.parquet", rows)], lake, symbol=symbol, timeframe=Timeframe("1m"))
    sections: dict[str, Any] = PLAIN if request.param == "plain" else EVERYTHING
    first, warmup = (datetime(2024, 1, 1, 1), 5) if len(symbols) > 1 else (None, 0)
    with pytest.MonkeyPatch.context() as patch:
        if len(symbols) > 1:
            patch.setattr(plans, "PIECE_BARS", 100)
        return prepare(strategy(**sections), lake, first=first, warmup=warmup).plan


def _names(text: str) -> set[str]:
    """``a, b (why), blocks_1 … blocks_3`` → the names."""
    names = set()
    for part in re.sub(r"\([^)]*\)", "", text).split(","):
        few = re.match(r"\s*blocks_1 … blocks_(\d+)\s*$", part)
        names |= {f"blocks_{i + 1}" for i in range(int(few[1]))} if few else {part.strip()}
    return names


def _header(statement: str) -> tuple[set[str], set[str]]:
    head = " ".join(line[3:] for line in statement.splitlines() if line.startswith("-- "))
    reads = re.search(r"reads: (.*?)\. writes: ", head)
    writes = re.search(r"writes: ([^.]*)\.", head)
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
        assert reads <= there | OUTSIDE, f"{name} reads {sorted(reads - there - OUTSIDE)}, which no stage before it writes"
        parsed = _tree(statement)
        if parsed:
            made, tree = parsed
            used = _find(tree, "BASE_TABLE", "table_name") - _ctes(tree)
            assert {made} == writes, f"{name} says that it writes {writes}"
            assert used == reads - OUTSIDE, f"{name}: header {sorted(reads - used)}, statement {sorted(used - reads)}"
        there |= writes
    assert {"trades", "signals", "equity", "metrics"} <= there


def test_stages_run_in_the_order_of_their_numbers(plan: Plan) -> None:
    rooms = [int(name[:2]) for name, _ in plan.statements()]
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
        if parsed:
            assert not stars(parsed[1]), f"{name} ends in select *"


def test_every_stage_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used: set[str] = set()

    def recording(path: str, **values: Any) -> str:
        used.add(path)
        return render(path, **values)

    monkeypatch.setattr(plans, "render", recording)
    monkeypatch.setattr("duckbt.lake.source.render", recording)
    monkeypatch.setattr(plans, "PIECE_BARS", 100)
    lake = Lake(tmp_path / "lake")
    rows = [(100, 104, 98, 101)] * 400
    for symbol in ("A", "B"):
        register([write_bars(tmp_path / f"{symbol}.parquet", rows)], lake, symbol=symbol, timeframe=Timeframe("1m"))
    prepare(strategy(**EVERYTHING), lake)
    backwards = write_bars(tmp_path / "raw.parquet", rows)
    with duckdb.connect() as connection:
        connection.execute(f"copy (from '{backwards}' order by ts desc) to '{tmp_path / 'b.parquet'}'")
    unsorted_lake = Lake(tmp_path / "unsorted")
    register([tmp_path / "b.parquet"], unsorted_lake, symbol="B", timeframe=Timeframe("1m"))
    prepare(strategy(**EVERYTHING), unsorted_lake)
    assert sorted(used) == STAGES


def test_a_template_without_its_values_is_refused() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render("50_exits/blocks.sql.j2")


def test_plain_sql_files_parse_as_they_are() -> None:
    for file in FILES:
        if file.endswith(".sql"):
            body = "\n".join(line for line in sqlfiles.read_sql(file).splitlines() if not line.startswith("--"))
            with duckdb.connect() as connection:
                assert connection.extract_statements(body), file
