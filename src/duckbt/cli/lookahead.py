"""What ``duckcli backtest audit`` prints."""

from __future__ import annotations

from typing import Any

from duckbt.cli import show
from duckbt.results.lookahead import LookAhead

ROWS = 10


def document(audit: LookAhead) -> dict[str, Any]:
    """The audit for machines."""
    trial = audit.trial
    return {
        "clean": audit.clean,
        "windows_that_look_forward": audit.forward,
        "stages_before_the_scan": audit.staged,
        "bars": None if trial is None else {
            "cut": trial.bars, "of": trial.all_bars, "signals_cut": trial.signals, "signals": trial.all_signals,
            "changed": [{"ts": ts, "symbol": symbol, "seen": seen} for ts, symbol, seen in trial.changed],
        },
        "bars_not_cut_because": audit.untried or None,
        "runs": [
            {"cut_at": c.at, "signals": c.signals, "closed_trades": c.closed_trades, "changed": [vars(x) for x in c.changed]}
            for c in audit.cuts
        ],
        "starts": [
            {"column": s.column, "stable_after": s.stated, "differs_for": s.bars, "compared": s.compared,
             "as_stated": s.as_stated}
            for s in audit.starts
        ],
    }  # fmt: skip


def report(audit: LookAhead) -> None:
    """The audit for people."""
    if audit.forward:
        show.out.print(f"[red]The scan's SQL looks forward:[/] {', '.join(audit.forward)}")
    else:
        beside = f" (not said of {', '.join(audit.staged)}, made before it)" if audit.staged else ""
        show.out.print(f"By form: every window of the scan's SQL looks back{beside}.")
    if audit.trial is None:
        show.out.print(f"Bar by bar: not tried, {audit.untried}.")
    else:
        t = audit.trial
        where = f"{t.bars:,} of {t.all_bars:,} bars, {t.signals:,} of {t.all_signals:,} signals among them"
        show.out.print(
            f"Bar by bar: data cut at {where}: "
            + (f"[red]{len(t.changed):,} bars differ[/]." if t.changed else "nothing differs.")
        )
        if t.changed:
            show.table(("bar", "symbol", "seen"), t.changed[:ROWS])
    rows = [(c.at, c.signals, c.closed_trades, len(c.changed)) for c in audit.cuts]
    show.table(("whole run, data cut at", "signals before it", "closed trades", "of these differ"), rows)
    for cut in audit.cuts:
        if cut.changed:
            show.table((f"cut at {cut.at}", "symbol", "time", "seen"),
                       [(c.what, c.symbol, c.ts, c.seen) for c in cut.changed[:ROWS]])  # fmt: skip
            break
    show.out.print()
    show.table(
        ("", "start shows for (bars)", "stated", ""),
        [(s.column, s.bars if s.bars < s.compared else "all", "for ever" if s.stated is None else s.stated,
          "" if s.as_stated else "[red]longer than stated[/]") for s in audit.starts],
        title="data that begins later: until when values differ by more than 1e-8",
    )  # fmt: skip
    show.out.print("[green]No look-ahead found.[/]" if audit.clean else "[red]This strategy knows the future.[/]")
