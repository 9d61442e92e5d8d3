"""``duckcli backtest batch``: a list of simulations as one experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from duckbt.cli import show
from duckbt.cli.options import JsonOption, LakeOption, MemoryOption, ResultsOption, SilentOption, ThreadsOption
from duckbt.experiments.batch import Batch, Progress, run_batch
from duckbt.results.prepared import Settings

app = typer.Typer(add_completion=False, help="Run a list of strategies, data and settings as one experiment.")


@app.command("batch")
def batch(
    file: Annotated[
        Path, typer.Argument(help="Batch file (TOML): simulations with strategy, symbols, params … (docs/experiments.md).")
    ],
    lake: LakeOption = Path("lake"),
    results: ResultsOption = Path("results"),
    resume: Annotated[bool, typer.Option("--resume", help="Keep what an earlier attempt finished.")] = False,
    json: JsonOption = False,
    threads: ThreadsOption = None,
    memory_limit: MemoryOption = None,
    no_progress: SilentOption = False,
) -> None:
    """Run a list of strategies, data and settings as one experiment; one that fails does not stop the others."""
    done = run_batch(
        file, lake, results, Settings(threads, memory_limit), resume=resume, progress=None if no_progress or json else _tell
    )
    _summary(done, json)
    if done.failed:
        raise typer.Exit(1)


def _tell(moment: Progress) -> None:
    if moment.status != "running":
        error = f": {moment.error}" if moment.error else ""
        show.err.print(
            f"{moment.number + 1} of {moment.of}  {moment.name}  {moment.status} in {moment.seconds:.1f} s{error}"
        )


def _summary(batch: Batch, json: bool) -> None:
    if json:
        show.print_json({"batch_id": batch.batch_id, "path": str(batch.path), "simulations": batch.rows})
        return
    columns = ("number", "name", "status", "seconds", "trades", "net_pnl", "sharpe", "max_drawdown", "error")
    show.table(columns, [[row[c] for c in columns] for row in batch.rows], f"Batch {batch.batch_id}")
    show.out.print(f"\nIn {batch.path}; every simulation that is done is a run of its own: duckcli backtest list")
