"""The command ``duckcli``: parse, call one library function, print. Errors become messages and exit codes here."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

import duckbt
from duckbt.cli import backtest, data
from duckbt.errors import DuckbtError

app = typer.Typer(
    name="duckcli",
    help="Backtest trading strategies in SQL: bars in Parquet, strategies in a text file, results in tables.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(data.app, name="data")
app.add_typer(backtest.app, name="backtest")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"duckbt {duckbt.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the full trace of an error.")] = False,
) -> None:
    """Backtest trading strategies in SQL: bars in Parquet, strategies in a text file, results in tables."""
    if debug:
        os.environ["DUCKBT_DEBUG"] = "1"


def main() -> None:
    """Entry point of the command."""
    try:
        app()
    except DuckbtError as error:
        if os.environ.get("DUCKBT_DEBUG"):
            raise
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("stopped; nothing was kept\n")
        sys.exit(130)
    except Exception as error:
        if os.environ.get("DUCKBT_DEBUG"):
            raise
        sys.stderr.write(
            f"internal error: {type(error).__name__}: {error}\nThis is a fault of duckbt; `duckcli --debug …` shows where.\n"
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
