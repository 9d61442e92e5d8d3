"""The page of a run: complete, self-contained, made when asked for."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from conftest import Called, strategy
from duckbt.lake.sample import make_sample_lake, sample_strategy
from duckbt.lake.store import Lake
from duckbt.results.run import Run, backtest
from duckbt.results.verify import verify

VOID = {"meta", "polyline"}


class Balanced(HTMLParser):
    """Complains of tags that are not closed in their order; collects text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.count: dict[str, int] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count[tag] = self.count.get(tag, 0) + 1
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: Path) -> Balanced:
    parser = Balanced()
    parser.feed(page.read_text(encoding="utf-8"))
    assert parser.open == []
    return parser


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = Lake(tmp_path_factory.mktemp("html") / "lake")
    make_sample_lake(made)
    return made


@pytest.fixture(scope="module")
def run(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return backtest(sample_strategy(), lake, results=tmp_path_factory.mktemp("html"))


def test_everything_is_on_the_page(run: Run) -> None:
    page = run.report()
    assert page == run.path / "report.html"
    seen = read(page)
    for word in (
        run.run_id,
        "ema_cross",
        "Equity",
        "Drawdown",
        "Returns by month",
        "Costs",
        "Settings",
        "k_stop",
        "ema(close, $fast)",
    ):
        assert word in seen.text, word
    for name in run.metrics:
        assert name in seen.text
    assert f"{run.metrics['net_pnl']:,.6g}" in seen.text
    assert seen.count["polyline"] == 2
    assert seen.count["tr"] > len(run.metrics) + 50


def test_it_asks_the_network_for_nothing(run: Run) -> None:
    text = run.report().read_text(encoding="utf-8")
    assert not re.search(r"https?:|//|src=|href=|@import|url\(|<script", text.replace("<!doctype html>", ""))


def test_it_is_made_once_and_anew_when_the_run_is_verified(run: Run) -> None:
    page = run.report()
    made = page.stat().st_mtime_ns
    assert run.report().stat().st_mtime_ns == made
    verify(run.path)
    assert "· verified" in " ".join(read(run.report()).text.split())
    assert verify(run.path).equal  # the page is no part of what is compared


def test_a_run_without_trades(lake: Lake, tmp_path: Path) -> None:
    empty = backtest(strategy(entry={"long": "close > 1e9"}), lake, results=tmp_path)
    assert "0 trades" in " ".join(read(empty.report()).text.split())


def test_names_are_text_and_nothing_else(lake: Lake, tmp_path: Path) -> None:
    file = strategy(description="a & <script>alert(1)</script>", entry={"long": "close > 1e9"})
    text = backtest(file, lake, results=tmp_path).report().read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_the_command(run: Run, duckcli: Callable[..., Called]) -> None:
    assert duckcli("backtest", "report", run.path).out.strip() == str(run.path / "report.html")
    assert duckcli("backtest", "report", run.path, "--json").json == {"path": str(run.path / "report.html")}
