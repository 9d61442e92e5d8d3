"""``duckcli shell``: ask the catalog in SQL, in DuckDB's own shell or, where there is none, in a small one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from duckbt.cli import show
from duckbt.cli.options import ResultsOption
from duckbt.errors import DataError
from duckbt.lake.catalog import CATALOG
from duckbt.results.shell import answers

app = typer.Typer(add_completion=False)
ROWS = 100


@app.command()
def shell(
    results: ResultsOption = Path("results"),
    command: Annotated[str | None, typer.Option("--command", "-c", metavar="SQL", help="Run this SQL and leave.")] = None,
) -> None:
    """Ask all runs and sweeps in SQL: trades, signals, equity, metrics, runs, combos, sweeps. Leave with .quit or Ctrl-D."""
    catalog = results / CATALOG
    if not catalog.is_file():
        raise DataError(f"no catalog in {results}: `duckcli backtest run` makes one")
    duckdb = shutil.which("duckdb")
    if duckdb and command is None:
        raise typer.Exit(subprocess.run([duckdb, "-readonly", str(catalog)], check=False).returncode)
    if command is not None:
        _show(catalog, command)
        return
    if sys.stdin.isatty():
        show.err.print("DuckDB on the catalog, read-only; statements end with ; and .quit leaves")
    text = ""
    while True:
        try:
            line = input(("… " if text else "D ") if sys.stdin.isatty() else "")
        except EOFError:
            return
        if not text and line.strip() in (".quit", ".exit"):
            return
        text += line + "\n"
        if text.strip().endswith(";"):
            try:
                _show(catalog, text)
            except DataError as error:
                show.err.print(str(error), markup=False)
            text = ""


def _show(catalog: Path, sql: str) -> None:
    for columns, rows, more in answers(catalog, sql, ROWS):
        show.table(columns, rows)
        if more:
            show.out.print(f"… the first {ROWS} rows")
