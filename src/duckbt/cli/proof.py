"""Commands that prove, compare and show runs: ``verify``, ``compare``, ``report`` and ``show --provenance``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from duckbt.cli import show
from duckbt.cli.options import (
    JsonOption,
    MemoryOption,
    ResultsOption,
    RunArgument,
    SilentOption,
    Style,
    StyleOption,
    ThreadsOption,
)
from duckbt.cli.progress import progress_of_run
from duckbt.errors import UsageError
from duckbt.results.baseline import TOLERANCE, verify_against
from duckbt.results.compare import SHOWN, compare_runs
from duckbt.results.folder import LATEST
from duckbt.results.prepared import Settings
from duckbt.results.provenance import chain
from duckbt.results.run import Run
from duckbt.results.verify import verify


def verify_run(
    run: RunArgument = LATEST,
    results: ResultsOption = Path("results"),
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", help="Compare with trades or signals from elsewhere: Parquet, CSV, a folder."),
    ] = None,
    tolerance: Annotated[
        float,
        typer.Option(
            "--tolerance", min=0.0, help="How far prices and profits may be from a baseline; of values above 1 the share."
        ),
    ] = TOLERANCE,
    lake: Annotated[Path | None, typer.Option("--lake", help="Where the bars are now, if the lake was moved.")] = None,
    threads: ThreadsOption = None,
    memory_limit: MemoryOption = None,
    json: JsonOption = False,
    progress: StyleOption = Style.auto,
    no_progress: SilentOption = False,
) -> None:
    """Prove a run: check every file it hangs on, compute it again and compare the bytes, or compare it with a baseline."""
    found = Run.find(run, results)
    if baseline is not None:
        if lake or threads or memory_limit:
            raise UsageError("--baseline compares what is stored and computes nothing; leave --lake, --threads and such out")
        done = verify_against(found.path, baseline, tolerance)
    else:
        with progress_of_run(progress, no_progress, json) as listener:
            done = verify(found.path, lake, Settings(threads, memory_limit), listener)
    if json:
        document = {"run_id": found.run_id, "equivalence_verified": done.equal, "against": done.against,
                    "tables": done.tables, "differences": done.differences, "pnl_tolerance": done.pnl_tolerance,
                    "files": [asdict(link) for link in done.links]}  # fmt: skip
        show.print_json(document)
    else:
        for link in done.links:
            if link.state != "as recorded":
                show.err.print(f"noted: {link}; the bars in the lake do not need it")
        tables = ", ".join(f"{name} ({rows:,} rows)" for name, rows in done.tables.items())
        show.out.print(f"{found.run_id} {'is the same as' if done.equal else 'differs from'} {done.against}: {tables}")
        for difference in done.differences:
            show.out.print(f"  {difference}")
    if not done.equal:
        raise typer.Exit(1)


def report(
    run: RunArgument = LATEST,
    results: ResultsOption = Path("results"),
    json: JsonOption = False,
) -> None:
    """Write a run as one HTML page that needs nothing else: equity, drawdown, months, metrics, trades, settings."""
    page = Run.find(run, results).report()
    if json:
        show.print_json({"path": str(page)})
    else:
        show.out.print(str(page))


def compare(
    first: Annotated[str, typer.Argument(help="A run: id, its beginning, a folder, or latest.")],
    second: Annotated[str, typer.Argument(help="Another run.")],
    results: ResultsOption = Path("results"),
    trades: Annotated[int, typer.Option("--trades", min=0, help="How many differing trades to list.")] = 10,
    json: JsonOption = False,
) -> None:
    """Show how two runs differ: settings, metrics, trades."""
    a, b = Run.find(first, results), Run.find(second, results)
    found = compare_runs(a.path, b.path, trades)
    if json:
        show.print_json({"runs": [a.run_id, b.run_id]} | asdict(found))
        return
    names = (a.run_id[:8], b.run_id[:8])
    for title, values in (("settings", found.settings), ("metrics", found.metrics)):
        if values:
            show.table((title, *names), [(name, *pair) for name, pair in values.items()])
        else:
            show.out.print(f"{title}: the same")
    show.out.print(
        f"trades: {found.same_trades:,} the same, {found.changed:,} changed, {found.only_first:,} only in {names[0]}, "
        f"{found.only_second:,} only in {names[1]}"
    )
    if found.trades:
        where = {"first": names[0], "second": names[1], "both": "both"}
        rows = [(where[t["place"]], t["symbol"], t["direction"], t["signal_ts"], _difference(t)) for t in found.trades]
        show.table(("in", "symbol", "direction", "signal_ts", "what"), rows)


def _difference(trade: dict[str, object]) -> str:
    """What changed; of a trade that only one run has, all."""
    if trade["place"] == "both":
        changed = [c for c in SHOWN if trade[f"a_{c}"] != trade[f"b_{c}"]]
        return ", ".join(f"{c} {_value(trade[f'a_{c}'])} → {_value(trade[f'b_{c}'])}" for c in changed)
    side = "a" if trade["place"] == "first" else "b"
    return ", ".join(f"{c} {_value(trade[f'{side}_{c}'])}" for c in SHOWN)


def _value(value: object) -> str:
    return f"{value:.8g}" if isinstance(value, float) else show.figure(value)


def show_provenance(run: Run, json: bool) -> None:
    """Every file of a run with its sha256 and state."""
    links = chain(run.path)
    if json:
        show.print_json({"run_id": run.run_id, "files": [asdict(link) for link in links]})
    else:
        for link in links:  # lines, because a table would cut paths and hashes off
            show.out.print(f"{link.state:<11}  {link.kind:<8}  {link.of:<16}  {link.sha256}  {link.path}")
    if any(link.broken for link in links):
        raise typer.Exit(4)
