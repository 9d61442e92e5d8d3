"""The command ``duckcli``: parse, call one library function, print. Errors become messages and exit codes here."""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import duckbt
from duckbt.errors import DuckbtError, ResourceError

GROUPS = ("data", "backtest")


class _Groups(TyperGroup):
    """Loads a group of commands, and all that it imports, only when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(GROUPS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in GROUPS:
            return None
        command = typer.main.get_group(import_module(f"duckbt.cli.{cmd_name}").app)
        command.name = cmd_name
        return command


app = typer.Typer(
    name="duckcli",
    cls=_Groups,
    help="Backtest trading strategies in SQL: bars in Parquet, strategies in a text file, results in tables.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
    except SystemExit as leaving:
        if leaving.code == 130:
            sys.stderr.write("stopped; nothing was kept\n")
        raise
    except Exception as error:
        if os.environ.get("DUCKBT_DEBUG"):
            raise
        message, code = explain(error)
        sys.stderr.write(f"{message}\n")
        sys.exit(code)


def explain(error: Exception) -> tuple[str, int]:
    """What the user reads, and the exit code."""
    if isinstance(error, DuckbtError):
        return f"error: {error}", error.exit_code
    if isinstance(error, OSError):
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        return f"error: {error}", ResourceError.exit_code if full else 1
    return (
        f"internal error: {type(error).__name__}: {error}\nThis is a fault of duckbt; `duckcli --debug …` shows where.",
        1,
    )


if __name__ == "__main__":
    main()
