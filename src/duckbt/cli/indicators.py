"""``duckcli backtest indicators``: what the library has, and what one of them looks like."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from duckbt.cli import show
from duckbt.cli.chart import panels
from duckbt.cli.options import JsonOption
from duckbt.compiler.cards import Card, card, cards
from duckbt.compiler.library import Library

SHOWN_BARS = 100
WIDEST = 50


def indicators(
    name: Annotated[str | None, typer.Argument(help="Show this one: its SQL, and a chart on the sample data.")] = None,
    strategy: Annotated[
        Path | None, typer.Option("--strategy", help="Also those in the indicators folder beside this strategy file.")
    ] = None,
    family: Annotated[str | None, typer.Option("--family", help="Only this family, as in momentum.")] = None,
    json: JsonOption = False,
) -> None:
    """List all indicators; with a NAME show its SQL, its warm-up and a chart."""
    folder = strategy.parent if strategy else Path()
    library = Library(folder / "indicators" if strategy else None)
    if name is None:
        _list([c for c in cards(library) if family in (None, c.family)], json)
    else:
        _one(card(library, name), folder, json)


def _list(found: list[Card], json: bool) -> None:
    if json:
        show.print_json([{k: v for k, v in asdict(c).items() if k != "sql"} for c in found])
        return
    rows = [(_short(c.signature), ", ".join(c.outputs), c.first_bar, _settles(c), c.file) for c in found]
    show.table(("indicator", "outputs", "first bar", "stable after", "formula (folder: family)"), rows)
    show.out.print(f"{len(found)} indicators; `duckcli backtest indicators NAME` shows one.")


def _one(found: Card, folder: Path, json: bool) -> None:
    from duckbt.results.samples import SYMBOL, TIMEFRAME, on_sample_bars

    values: dict[str, Any] = dict(on_sample_bars(found.example, folder, SHOWN_BARS))
    if json:
        show.print_json(asdict(found) | {"sample": values})
        return
    show.out.print(f"{found.file}\n", markup=False)
    show.out.print(found.sql, markup=False)
    show.out.print(f"call it      {found.signature}", markup=False)
    show.out.print(f"first bar    {found.first_bar} (bars are counted from 0), as in {found.example}", markup=False)
    show.out.print(f"stable after {_settles(found)}\n", markup=False)
    price = values.pop("close")
    show.out.print(f"{found.example} on the last {len(price)} bars of {SYMBOL} {TIMEFRAME} (synthetic prices)", markup=False)
    for panel in panels(price, {found.name if n == "value" else n: v for n, v in values.items()}):
        show.out.print("\n".join(panel) + "\n", markup=False)


def _short(text: str) -> str:
    return text if len(text) <= WIDEST else f"{text[:WIDEST]}…"


def _settles(found: Card) -> str:
    return "never" if found.stable_after is None else f"{found.stable_after:,}"
