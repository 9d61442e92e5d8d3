"""``duckcli backtest sweep``: compare many parameter sets, and read what came out."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from duckbt.cli import show
from duckbt.cli.experiments import progress_of_tasks
from duckbt.cli.options import (
    FromOption,
    JsonOption,
    MemoryOption,
    ParamsOption,
    ResultsOption,
    SilentOption,
    SymbolsOption,
    ThreadsOption,
    ToOption,
    WarmupOption,
    pairs,
)
from duckbt.errors import UsageError
from duckbt.experiments.reading import Sweep
from duckbt.experiments.search import refine
from duckbt.experiments.sweep import SweepPlan, plan_sweep, run_sweep
from duckbt.results.folder import LATEST
from duckbt.results.prepared import Settings

SHOWN = ("trades", "win_rate", "net_pnl", "return_pct", "profit_factor", "max_drawdown", "sharpe", "sortino", "cagr")


class _RunByDefault(TyperGroup):
    """``sweep STRATEGY …`` means ``sweep run STRATEGY …``."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands:
            args = ["run", *args]
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0].startswith("-") and args[0] not in ("-h", "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_RunByDefault,
    no_args_is_help=True,
    add_completion=False,
    help="Compare many parameter sets in one pass: [bold]sweep STRATEGY -g fast=8,12,16 -g slow=20..60:10[/bold]. "
    "Then read them with show, pivot and neighbours, and make a full run of one with promote.",
)
SweepArgument = Annotated[str, typer.Argument(help="Id of the sweep, its beginning, or its folder; latest is the newest.")]
ByOption = Annotated[str, typer.Option("--by", help="Metric that says which is best.")]


class Run(StrEnum):
    """Who does the work."""

    local = "local"
    ray = "ray"


@app.command("run")
def run(
    strategies: Annotated[list[Path], typer.Argument(help="Strategy files (TOML); one or more.")],
    grid: Annotated[
        list[str] | None,
        typer.Option(
            "-g", "--grid", metavar="NAME=VALUES", help="Values to try: fast=8,12,16 or slow=20..60:10. May be repeated."
        ),
    ] = None,
    where: Annotated[
        str | None, typer.Option("--where", help="Condition that sets must meet, as in '$fast < $slow'.")
    ] = None,
    lake: Annotated[str, typer.Option("--lake", help="Folder with the bars, or s3://bucket/path of one.")] = "lake",
    symbols: SymbolsOption = None,
    by_symbol: Annotated[
        bool, typer.Option("--by-symbol", help="Trade every symbol alone instead of all together.")
    ] = False,
    first: FromOption = None,
    last: ToOption = None,
    warmup: WarmupOption = 0,
    params: ParamsOption = None,
    random: Annotated[
        int | None, typer.Option("--random", min=1, metavar="N", help="Try N sets of the grid, drawn at random.")
    ] = None,
    lhs: Annotated[
        int | None, typer.Option("--lhs", min=1, metavar="N", help="Try N sets spread evenly (Latin hypercube).")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the sample; equal seeds draw equal samples.")] = 0,
    refined: Annotated[
        int, typer.Option("--refine", min=0, metavar="ROUNDS", help="Then search finer around the best, this many times.")
    ] = 0,
    trials: Annotated[
        int,
        typer.Option("--optuna", min=0, metavar="TRIALS", help="Let Optuna choose that many sets (needs the extra optuna)."),
    ] = 0,
    keep_trades: Annotated[
        str, typer.Option("--keep-trades", help="Keep the trades of none, all, or the best:N sets.")
    ] = "none",
    by: ByOption = "sharpe",
    top: Annotated[int, typer.Option("--top", min=1, help="How many of the best to show.")] = 10,
    runner: Annotated[
        Run, typer.Option("--runner", help="This machine, or a Ray cluster (needs the extra ray).")
    ] = Run.local,
    address: Annotated[str | None, typer.Option("--address", help="Ray cluster, as in ray://head:10001 or auto.")] = None,
    store: Annotated[
        str | None, typer.Option("--store", help="Shared folder or s3://bucket/path where workers leave their parts.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an attempt that was stopped.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say how many sets there are and what they share.")
    ] = False,
    results: ResultsOption = Path("results"),
    json: JsonOption = False,
    force: Annotated[bool, typer.Option("--force", help="Compute again even if this very sweep is there already.")] = False,
    threads: ThreadsOption = None,
    memory_limit: MemoryOption = None,
    no_progress: SilentOption = False,
) -> None:
    """Backtest many parameter sets in one pass and store one row of figures for each."""
    if random and lhs:
        raise UsageError("--random and --lhs are two ways to draw a sample; give one")
    if trials:
        _refuse_beside_optuna({
            "more than one strategy": len(strategies) > 1, "--by-symbol": by_symbol, "--random": random, "--lhs": lhs,
            "--refine": refined, "--keep-trades": keep_trades != "none", "--resume": resume, "--dry-run": dry_run,
            "--runner ray": runner == Run.ray,
        })  # fmt: skip
    settings = Settings(threads, memory_limit, force)

    def plan(values: dict[str, Any] | None) -> SweepPlan:
        return plan_sweep(
            strategies, lake, values, where=where, symbols=symbols or (), by_symbol=by_symbol,
            params=pairs(params, "--param"), first=first, last=last, warmup=warmup,
            method="random" if random else "lhs" if lhs else "grid", samples=random or lhs, seed=seed,
        )  # fmt: skip

    begun = plan(dict(pairs(grid, "--grid")) or None) if not trials else None
    if dry_run and begun:
        _tell_plan(begun, json)
        return
    with progress_of_tasks(no_progress or json) as report:
        if trials:
            from duckbt.experiments.optuna_search import search  # an extra that few need

            sweep = search(
                strategies[0], lake, dict(pairs(grid, "--grid")) or None, trials=trials, by=by, seed=seed, where=where,
                symbols=symbols or (), params=pairs(params, "--param"), first=first, last=last, warmup=warmup,
                results=results, settings=settings, report=report,
            )  # fmt: skip
        else:
            assert begun
            do = partial(
                run_sweep, results=results, settings=settings, runner=_runner(runner, address, store), resume=resume,
                keep_trades=keep_trades, by=by, report=report,
            )  # fmt: skip
            sweep = refine(Sweep(do(begun)), plan, do, refined, by)
    _tell_sweep(sweep, top, by, json)


def _refuse_beside_optuna(given: dict[str, Any]) -> None:
    """Options that mean nothing to a search which picks its own sets."""
    for option, value in given.items():
        if value:
            raise UsageError(f"--optuna and {option} do not go together")


def _runner(kind: Run, address: str | None, store: str | None) -> Any:
    if kind == Run.local:
        if address or store:
            raise UsageError("--address and --store are for --runner ray")
        return None
    from duckbt.experiments.ray_runner import RayRunner  # an extra that few need

    return RayRunner(address, store)


def _tell_plan(plan: SweepPlan, json: bool) -> None:
    shared = plan.shared()
    if json:
        show.print_json({"sweep_id": plan.sweep_id, **shared})
        return
    show.out.print(
        f"{shared['combinations']:,} combinations in {shared['scans']} scan(s): {shared['signal_sets']} sets of signals, "
        f"{shared['levels']} stops and targets, {shared['scan_columns']} columns computed once. Sweep {plan.sweep_id}."
    )


def _tell_sweep(sweep: Sweep, top: int, by: str, json: bool) -> None:
    best = sweep.top(top, by)
    manifest = sweep.manifest
    if json:
        show.print_json(
            {"sweep_id": manifest.sweep_id, "path": str(sweep.path), "combos": manifest.combos, "failed": manifest.failed,
             "seconds": manifest.seconds, "best": best}
        )  # fmt: skip
        return
    failed = f", {manifest.failed} failed" if manifest.failed else ""
    _table(
        sweep, best, by, f"Sweep {manifest.sweep_id}: {manifest.combos:,} combinations in {manifest.seconds:,.1f} s{failed}"
    )
    show.out.print(f"\nIn {sweep.path}. One of them in full: duckcli backtest sweep promote {manifest.sweep_id} COMBO")


def _table(sweep: Sweep, rows: list[dict[str, Any]], by: str, title: str) -> None:
    metrics = [m for m in dict.fromkeys((by, *SHOWN)) if not rows or m in rows[0]]
    columns = ["combo_id", *sweep.varied, *metrics]
    show.table(columns, [[row.get(c) for c in columns] for row in rows], title)


@app.command("show")
def show_sweep(
    sweep: SweepArgument = LATEST,
    top: Annotated[int, typer.Option("--top", min=1, help="How many of the best to show.")] = 20,
    by: ByOption = "sharpe",
    results: ResultsOption = Path("results"),
    json: JsonOption = False,
) -> None:
    """Show the best parameter sets of a sweep."""
    _tell_sweep(Sweep.find(sweep, results), top, by, json)


@app.command("pivot")
def pivot(
    sweep: SweepArgument,
    rows: Annotated[str, typer.Argument(help="Parameter down the side.")],
    columns: Annotated[str, typer.Argument(help="Parameter across the top.")],
    metric: Annotated[
        str, typer.Option("--metric", "-m", help="Metric in the cells (the best over all other parameters).")
    ] = "sharpe",
    results: ResultsOption = Path("results"),
    json: JsonOption = False,
) -> None:
    """Show one metric over two parameters."""
    ups, acrosses, cells = Sweep.find(sweep, results).pivot(rows, columns, metric)
    if json:
        show.print_json({"rows": {rows: ups}, "columns": {columns: acrosses}, "metric": metric, "cells": cells})
        return
    show.table(
        [f"{rows} \\ {columns}", *(show.figure(c) for c in acrosses)],
        [[show.figure(up), *line] for up, line in zip(ups, cells, strict=True)],
        metric,
    )


@app.command("neighbours")
def neighbours(
    sweep: SweepArgument = LATEST,
    combo: Annotated[int | None, typer.Argument(help="Combination; default: the best.")] = None,
    by: ByOption = "sharpe",
    results: ResultsOption = Path("results"),
    json: JsonOption = False,
) -> None:
    """Show the sets next to one: is it on a plateau, or a spike that chance made?"""
    found = Sweep.find(sweep, results)
    best = found.top(1, by)
    if combo is None and not best:
        raise UsageError("no combination of this sweep was computed")
    rows = found.neighbours(best[0]["combo_id"] if combo is None else combo, by)
    if json:
        show.print_json(rows)
        return
    _table(found, rows, by, f"Combination {rows[0]['combo_id']} and those one step away")
    values = [r[by] for r in rows[1:] if r[by] is not None]
    own = rows[0][by]
    if values and own is not None:
        show.out.print(f"\n{by} {show.figure(own)}; of its {len(values)} neighbours {show.figure(min(values))} to "
                       f"{show.figure(max(values))}, on average {show.figure(sum(values) / len(values))}.")  # fmt: skip


@app.command("promote")
def promote(
    sweep: SweepArgument,
    combo: Annotated[int, typer.Argument(help="Combination to run in full.")],
    lake: Annotated[Path | None, typer.Option("--lake", help="Folder with the bars; default: that of the sweep.")] = None,
    results: ResultsOption = Path("results"),
    json: JsonOption = False,
) -> None:
    """Make a full run of one parameter set: trades, signals, equity, report."""
    from duckbt.cli.backtest import tell_run  # shared with `backtest run`

    tell_run(Sweep.find(sweep, results).promote(combo, lake, results), json)
