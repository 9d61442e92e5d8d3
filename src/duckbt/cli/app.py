"""The command ``duckcli``: parse, call one library function, print. Errors become messages and exit codes here."""

from __future__ import annotations

import errno
import gc
import json
import os
import sys
from datetime import UTC, datetime
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import duckbt
from duckbt.errors import DuckbtError, ResourceError

GROUPS = ("data", "backtest")
COMMANDS = ("shell",)  # those that stand alone


class _Groups(TyperGroup):
    """Loads a group of commands, and all that it imports, only when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*GROUPS, *COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in (*GROUPS, *COMMANDS):
            return None
        found = import_module(f"duckbt.cli.{cmd_name}").app
        command = typer.main.get_group(found) if cmd_name in GROUPS else typer.main.get_command(found)
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
    log_level: Annotated[
        str | None, typer.Option("--log-level", metavar="LEVEL", help="Log to stderr: debug, info, warning or error.")
    ] = None,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log as JSON lines.")] = False,
) -> None:
    """Backtest trading strategies in SQL: bars in Parquet, strategies in a text file, results in tables."""
    if debug:
        os.environ["DUCKBT_DEBUG"] = "1"
    if log_level or log_json:
        from duckbt.cli.logs import set_up  # logging costs time that most commands need not spend

        set_up(log_level or "info", log_json)


def _to_the_front(arguments: list[str]) -> list[str]:
    """Options that hold for every command may stand behind it, where they are usually typed."""
    front: list[str] = []
    rest: list[str] = []
    waiting = list(arguments)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            return [*front, *rest, word, *waiting]
        if word in ("--debug", "--log-json") or word.startswith("--log-level="):
            front.append(word)
        elif word == "--log-level":
            front += [word, *waiting[:1]]
            del waiting[:1]
        else:
            rest.append(word)
    return front + rest


def main() -> None:
    """Entry point of the command."""
    gc.set_threshold(500_000)  # what is imported lives on: to look for garbage there costs a tenth of a second
    try:
        app(_to_the_front(sys.argv[1:]))
    except SystemExit as leaving:
        if leaving.code == 130:
            sys.stderr.write("stopped; nothing was kept\n")
        raise
    except Exception as error:
        if os.environ.get("DUCKBT_DEBUG"):
            raise
        message, code = explain(error)
        sys.stderr.write(f"{message}\n")
        if code == ResourceError.exit_code:
            sys.stderr.write(f"{memory_abort(error)}\n")
        sys.exit(code)


def memory_abort(error: Exception) -> str:
    """One line of JSON for whoever watches over many runs: memory or disk ran out."""
    from duckbt.engine.memory import available

    given = error if isinstance(error, ResourceError) else ResourceError(str(error))
    free = available() / 1e6 if given.available_mb is None else given.available_mb
    record = {
        "event": "memory_abort",
        "required_mb": None if given.required_mb is None else round(given.required_mb, 1),
        "available_mb": round(free, 1),
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    return json.dumps(record)


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
