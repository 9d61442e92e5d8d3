"""What there is to know of an indicator before any data is read."""

from __future__ import annotations

from dataclasses import dataclass

from duckbt.compiler.bind import Binder
from duckbt.compiler.graph import Graph, longest
from duckbt.compiler.library import Library
from duckbt.compiler.syntax import parse_expression
from duckbt.errors import ExpressionError, StrategyError, UsageError, did_you_mean
from duckbt.sqlfiles import sql_root


@dataclass(frozen=True)
class Card:
    """``first_bar`` and ``stable_after`` are those of the example call: the first bar with a value, and bars until the
    influence of the start is below 1e-8 (None: the start shows for ever, or for as long as the data says).
    """

    name: str
    family: str
    title: str
    signature: str
    outputs: tuple[str, ...]
    example: str
    first_bar: int
    stable_after: int | None
    notes: tuple[str, ...]
    file: str
    sql: str


def cards(library: Library) -> list[Card]:
    """All of a library, by family and name."""
    return sorted((card(library, name) for name in library.names()), key=lambda c: (c.family, c.name))


def card(library: Library, name: str) -> Card:
    """One of them. Raises UsageError where there is none of that name, StrategyError for a file that cannot be used."""
    if name not in library:
        near = did_you_mean(name, library.names(), "leave the name out to see all")
        raise UsageError(f"there is no indicator {name!r}; {near}")
    found = library[name]
    graph = Graph()
    try:
        bound = Binder(graph, library).bind(parse_expression(found.example))
    except ExpressionError as error:
        raise StrategyError(f"{found.path}: {error.show()}") from None
    nodes = [graph[n] for n in (bound.values() if isinstance(bound, dict) else [bound])]
    built_in = found.path.is_relative_to(sql_root())
    return Card(
        found.name, found.family, found.title, found.signature,
        tuple(alias for alias, _ in found.outputs if not alias.startswith("_")), found.example,
        max(n.first for n in nodes), longest(n.settle for n in nodes), found.notes,
        f"sql/{found.path.relative_to(sql_root()).as_posix()}" if built_in else str(found.path), found.sql,
    )  # fmt: skip
