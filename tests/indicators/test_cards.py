"""Finding indicators: the list, one of them, the page in the docs, and what a run keeps of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT, strategy
from duckbt.cli.chart import HEIGHT, chart, panels
from duckbt.compiler.cards import card, cards
from duckbt.compiler.library import Library
from duckbt.lake.store import Lake
from duckbt.results.run import backtest

LIBRARY = Library()


def test_the_list_has_every_file(duckcli: Callable[..., Any]) -> None:
    listed = duckcli("backtest", "indicators", "--json").json
    assert [c["file"] for c in listed] == [
        p.relative_to(ROOT).as_posix() for p in sorted((ROOT / "sql" / "20_indicators").glob("*/*.sql"))
    ]
    rsi = next(c for c in listed if c["name"] == "rsi")
    assert (rsi["family"], rsi["signature"], rsi["outputs"]) == ("momentum", "rsi(x = close, n = 14)", ["rsi"])
    assert (rsi["first_bar"], rsi["file"]) == (14, "sql/20_indicators/momentum/rsi.sql")


def test_the_list_for_people(duckcli: Callable[..., Any]) -> None:
    shown = duckcli("backtest", "indicators", "--family", "momentum").out
    assert "macd, signal, histogram" in shown
    assert "20_indicators/momentum/macd.sql" in shown
    assert "bbands" not in shown


def test_one_indicator_shows_its_sql_and_a_chart(duckcli: Callable[..., Any]) -> None:
    shown = duckcli("backtest", "indicators", "rsi").out
    assert LIBRARY["rsi"].sql.strip() in shown
    assert "first bar    14" in shown
    assert shown.count("│") == 2 * HEIGHT
    assert "· rsi" in shown
    answer = duckcli("backtest", "indicators", "bbands", "--json").json
    assert list(answer["sample"]) == ["close", "upper", "middle", "lower"]
    assert all(u >= m >= w for u, m, w in zip(*(answer["sample"][k] for k in ("upper", "middle", "lower")), strict=True))


def test_a_wrong_name_suggests(duckcli: Callable[..., Any]) -> None:
    called = duckcli("backtest", "indicators", "rsy")
    assert called.code == 2
    assert "there is no indicator 'rsy'; did you mean 'rsi'" in called.err


def test_a_strategys_own_are_shown_too(tmp_path: Path, duckcli: Callable[..., Any]) -> None:
    (tmp_path / "indicators").mkdir()
    (tmp_path / "indicators" / "middle.sql").write_text(
        "-- middle: halfway.\n-- parameters: n = 3\nselect sma(close, n) as middle\n"
    )
    (tmp_path / "mine.toml").write_text(strategy(entry={"long": "close > middle(5)"}).text)
    answer = duckcli("backtest", "indicators", "middle", "--strategy", tmp_path / "mine.toml", "--json").json
    assert (answer["first_bar"], answer["file"]) == (2, str(tmp_path / "indicators" / "middle.sql"))
    assert duckcli("backtest", "indicators", "middle").code == 2


def test_warm_up_and_stability_are_told() -> None:
    assert (card(LIBRARY, "sma").first_bar, card(LIBRARY, "sma").stable_after) == (19, 19)
    ema = card(LIBRARY, "ema")
    assert ema.first_bar == 19
    assert (1 - 2 / 21) ** ((ema.stable_after or 0) - 19) <= 1e-8 < (1 - 2 / 21) ** ((ema.stable_after or 0) - 21)
    assert card(LIBRARY, "obv").stable_after is None
    assert len({c.name for c in cards(LIBRARY)}) == len(LIBRARY.names())


def test_a_run_keeps_them_in_its_manifest(make_lake: Callable[..., Lake], tmp_path: Path) -> None:
    lake = make_lake(X=[(100 + i % 7, 104 + i % 7, 98 + i % 7, 101 + i % 5) for i in range(60)])
    file = strategy(indicators={"b": "ema(close, 5)", "a": "sma(close, 3)", "volumes": "obv()"}, entry={"long": "b > a"})
    manifest = backtest(file, lake, results=tmp_path).manifest
    assert manifest.indicator_names == ["b", "a", "volumes"]
    assert [(i.first_bar, i.stable_after is None) for i in manifest.indicators] == [(4, False), (2, False), (0, True)]
    assert manifest.indicators[1].stable_after == 2


@pytest.mark.parametrize("values", [[], [None, None], [5.0, 5.0, None], [1.0, 2.0, 3.0]])
def test_a_chart_takes_any_values(values: list[float | None]) -> None:
    lines = chart({"x": values})
    marked = sum(line.count("·") for line in lines[:-1])
    assert marked == sum(v is not None for v in values)


def test_what_is_on_the_prices_scale_lies_over_it() -> None:
    price = [100.0, 101.0, 102.0]
    assert len(panels(price, {"mean": [100.0, 100.5, 101.0]})) == 1
    assert len(panels(price, {"rsi": [30.0, 50.0, 70.0]})) == 2
