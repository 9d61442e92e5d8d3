"""The look-ahead audit: clean strategies pass, and leaks that are planted on purpose are found by the part that should."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import strategy
from duckbt.engine import hindsight, step
from duckbt.errors import DataError
from duckbt.lake.store import Lake
from duckbt.results.lookahead import LookAhead, look_ahead
from indicators.bars import lake_of, walk

PLAIN: dict[str, Any] = {
    "indicators": {"fast": "ema(close, 5)", "slow": "ema(close, 15)", "range": "atr(7)"},
    "entry": {"long": "crossed_above(fast, slow)", "short": "crossed_below(fast, slow)"},
    "exit": {"stop": "2 * range", "target": "3 * range", "max_bars": 30},
}
HIGHER: dict[str, Any] = {
    **PLAIN,
    "indicators": {**PLAIN["indicators"], "trend": "tf('15m', close)", "stop_and_reverse": "sar()"},
    "entry": {
        "long": "close > trend and prev(close) <= prev(trend)",
        "short": "close < trend and prev(close) >= prev(trend)",
    },
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return lake_of(tmp_path_factory.mktemp("audited"), {"A": walk(900, 21), "B": walk(500, 22)})


def plant(patch: pytest.MonkeyPatch, files: str, old: str, new: str) -> None:
    """Change the SQL of stages."""
    plain = step.render

    def changed(path: str, **values: object) -> str:
        text = plain(path, **values)
        if path.removesuffix(".j2").removesuffix(".sql") not in files.split():
            return text
        assert re.search(old, text)
        return re.sub(old, new, text)

    patch.setattr(step, "render", changed)
    patch.setattr("duckbt.engine.scan_steps.render", changed)


def changed_in_runs(audit: LookAhead, what: str) -> int:
    return sum(c.what == what for cut in audit.cuts for c in cut.changed)


def test_an_honest_strategy_is_clean_at_every_bar(lake: Lake) -> None:
    audit = look_ahead(strategy(**PLAIN), lake)
    assert audit.clean
    assert audit.forward == audit.staged == []
    assert audit.trial is not None
    assert (audit.trial.bars, audit.trial.changed) == (1400, [])  # every bar of both symbols was the last one once
    assert audit.trial.signals == audit.trial.all_signals > 50
    assert len(audit.cuts) == 7
    assert audit.cuts[-1].closed_trades > 20


def test_an_honest_strategy_on_two_timeframes_is_clean(lake: Lake) -> None:
    audit = look_ahead(strategy(**HIGHER), lake, "A")
    assert audit.clean
    assert audit.staged == ["tf_15m", "machine_1"]
    assert audit.trial is not None
    assert (audit.trial.bars, audit.trial.signals) == (900, audit.trial.all_signals)
    assert audit.trial.signals > 20


def test_an_account_is_audited_too(lake: Lake) -> None:
    """Sizes that depend on the equity are the same while the data is shorter."""
    audit = look_ahead(strategy(**PLAIN, size={"mode": "risk", "value": 0.01}), lake, cuts=3)
    assert audit.clean
    assert audit.cuts[-1].closed_trades > 20


def test_a_higher_timeframe_joined_on_the_bar_open_is_found(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first leak that is widely reported: the whole candle is known when it begins."""
    plant(monkeypatch, "25_stages/frame_bars", r"max\(bar\) as last_bar", "min(bar) as last_bar")
    audit = look_ahead(strategy(**HIGHER), lake, "A")
    assert not audit.clean
    assert audit.forward == []  # the scan itself is innocent
    assert audit.trial is not None
    assert len(audit.trial.changed) > 20
    assert changed_in_runs(audit, "signal") > 0


def test_a_look_into_the_next_candle_is_found(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second: one candle of hindsight."""
    plant(monkeypatch, "30_signals/scan 90_audit/known_then", r"lag\(high, 1\)", "lead(high, 1)")
    peeking = strategy(entry={"long": "close > prev(high)"}, exit={"max_bars": 3})
    audit = look_ahead(peeking, lake, "A")
    assert audit.forward == ["lead current_row_range"]
    assert audit.trial is not None
    assert {seen for _, _, seen in audit.trial.changed} == {"only later"}
    assert len(audit.trial.changed) == audit.trial.all_signals > 50  # not one of them was there when its bar closed
    assert changed_in_runs(audit, "signal") > 0
    assert not audit.clean


def test_a_look_ahead_that_hides_in_the_bars_is_found(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A column that already holds the next close: no window of the scan shows it, cutting the data does."""
    import duckbt.lake.numbered as numbered

    plain = numbered.render

    def peeking(path: str, **values: object) -> str:
        return plain(path, **values).replace("close::double as close", "lead(close, 1, close) over () as close")

    monkeypatch.setattr(numbered, "render", peeking)
    audit = look_ahead(strategy(entry={"long": "close > open + 0.1"}, exit={"max_bars": 3}), lake, "A")
    assert audit.forward == []
    assert changed_in_runs(audit, "signal") > 0
    assert not audit.clean


def test_an_exit_that_knows_the_future_is_found(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signals are honest, exits are not: what changes are closed trades."""
    plant(monkeypatch, "60_trades/trades", r"l\.exit_price -", "(select arg_max(close, bar) from bars) -")
    audit = look_ahead(strategy(**PLAIN), lake, "A")
    assert changed_in_runs(audit, "trade") > 0
    assert changed_in_runs(audit, "signal") == 0
    assert not audit.clean


def test_how_long_a_start_shows(lake: Lake) -> None:
    texts = {"mean": "sma(close, 10)", "smooth": "ema(close, 10)", "volumes": "obv()", "weekly": "anchored_vwap(false)"}
    audit = look_ahead(strategy(indicators=texts, entry={"long": "close > smooth"}, exit={"max_bars": 2}), lake, cuts=2)
    starts = {s.column: s for s in audit.starts}
    assert (starts["mean"].stated, starts["mean"].bars) == (9, 9)
    assert 60 < starts["smooth"].bars <= (starts["smooth"].stated or 0) < 150
    assert starts["volumes"].stated is None
    assert starts["volumes"].bars == 600  # it never wears off: not on the last of the bars there are
    assert all(s.as_stated for s in audit.starts)


def test_the_copies_are_cut_where_there_is_room(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signals first: with little room they are all tried, and few other bars."""
    monkeypatch.setattr(hindsight, "ROOM", 30_000)
    audit = look_ahead(strategy(**PLAIN), lake, "A", cuts=2)
    assert audit.trial is not None
    assert audit.trial.signals == audit.trial.all_signals < audit.trial.bars < 400


def test_a_single_bar_cannot_be_audited(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at least two bars"):
        look_ahead(strategy(**PLAIN), lake_of(tmp_path, {"ONE": walk(1, 1)}))


def test_a_strategy_without_signals(lake: Lake) -> None:
    audit = look_ahead(strategy(entry={"long": "close < 0"}), lake, "A", cuts=3)
    assert audit.clean
    assert audit.trial is not None
    assert audit.trial.all_signals == 0


def test_the_command(lake: Lake, tmp_path: Path, duckcli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "plain.toml"
    file.write_text(strategy(**PLAIN).text)
    shown = duckcli("backtest", "audit", file, "--lake", lake.root, "--cuts", 3)
    assert shown.code == 0
    assert "No look-ahead found." in shown.out
    answer = duckcli("backtest", "audit", file, "--lake", lake.root, "--cuts", 3, "--json").json
    assert answer["clean"]
    assert answer["bars"]["cut"] == 1400
    plant(monkeypatch, "30_signals/scan 90_audit/known_then", r"lag\((\w+), 1\)", r"lead(\1, 1)")
    leaking = duckcli("backtest", "audit", file, "--lake", lake.root, "--cuts", 3)
    assert leaking.code == 1
    assert "knows the future" in leaking.out
