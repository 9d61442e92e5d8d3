"""The indicator library: one SQL file per indicator, read into trees.

A file is a header comment and one SELECT without FROM::

    -- rsi: Relative Strength Index. J. Welles Wilder, 1978. Range 0..100.
    -- parameters: x = close, n = 14
    select … as rsi

A parameter without default must be given; such a file also has a line ``-- example: rsi(close)``. Several outputs are
several columns; later ones may use earlier ones. A column whose name begins with ``_`` is no output, only a name for the
columns after it.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

from duckbt.compiler.syntax import Expr, parse_expression, parse_select
from duckbt.errors import DuckbtError, ExpressionError, StrategyError
from duckbt.sqlfiles import sql_root

FOLDER = "20_indicators"


@dataclass(frozen=True)
class Indicator:
    """One library file."""

    name: str
    family: str
    title: str
    notes: tuple[str, ...]
    parameters: tuple[tuple[str, Expr | None], ...]
    outputs: tuple[tuple[str, Expr], ...]
    example: str
    path: Path
    sql: str

    @property
    def signature(self) -> str:
        """``rsi(x = close, n = 14)``"""
        shown = [name if default is None else f"{name} = {default.text}" for name, default in self.parameters]
        return f"{self.name}({', '.join(shown)})"


def read_indicator(path: Path) -> Indicator:
    """Parse one file. Raises StrategyError naming file and fault."""
    text = path.read_text(encoding="utf-8")
    comments = [line[2:].strip() for line in text.splitlines() if line.startswith("--")]
    body = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--")).strip().rstrip(";")
    head = re.match(r"([a-z][a-z0-9_]*):\s*(.+)", comments[0]) if comments else None
    if head is None or head[1] != path.stem:
        raise StrategyError(f"{path}: the first line must read '-- {path.stem}: full name, author and year'")
    parameters: list[tuple[str, Expr | None]] = []
    notes = []
    example = f"{path.stem}()"
    try:
        for line in comments[1:]:
            if line.startswith("parameters:"):
                parameters = [_parameter(p) for p in _split(line.partition(":")[2])]
            elif line.startswith("example:"):
                example = line.partition(":")[2].strip()
            elif line:
                notes.append(line)
        outputs = [(alias or path.stem, tree) for alias, tree in parse_select(body)]
    except ExpressionError as error:
        raise StrategyError(f"{path}: {error.show()}") from None
    return Indicator(
        path.stem, path.parent.name, head[2].strip(), tuple(notes), tuple(parameters), tuple(outputs), example, path, text
    )


def _split(text: str) -> list[str]:
    """Split at commas outside parentheses; drop empty parts and the word ``none``."""
    parts = re.split(r",(?![^(]*\))", text)
    return [p.strip() for p in parts if p.strip() and p.strip() != "none"]


def _parameter(text: str) -> tuple[str, Expr | None]:
    name, equals, default = (part.strip() for part in text.partition("="))
    return name.lower(), parse_expression(default) if equals else None


class Library:
    """Indicators by name; a strategy's own ``indicators/`` folder comes before the built-in ones."""

    def __init__(self, own: Path | None = None) -> None:
        self._files: dict[str, Path] = dict(_builtin())
        self.own: dict[str, Path] = {}
        if own is not None and own.is_dir():
            self.own = {p.stem: p for p in sorted(own.glob("*.sql"))}
            clash = sorted(set(self.own) & set(self._files))
            if clash:
                raise StrategyError(
                    f"{self.own[clash[0]]}: {clash[0]!r} is already a library indicator; give your own another name"
                )
            self._files |= self.own
        self._read: dict[str, Indicator] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def names(self) -> list[str]:
        """All indicator names, sorted."""
        return sorted(self._files)

    def __getitem__(self, name: str) -> Indicator:
        if name not in self._read:
            self._read[name] = read_indicator(self._files[name]) if name in self.own else _read_builtin(self._files[name])
        return self._read[name]


@functools.cache
def _builtin() -> dict[str, Path]:
    files = sorted((sql_root() / FOLDER).glob("*/*.sql"))
    found: dict[str, Path] = {}
    for file in files:
        if file.stem in found:
            raise DuckbtError(f"two indicators are called {file.stem}: {found[file.stem]} and {file}")
        found[file.stem] = file
    return found


@functools.cache
def _read_builtin(path: Path) -> Indicator:
    return read_indicator(path)
