"""Parameter sets to compare: a full grid, those of it that a condition keeps, or a seeded sample."""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from duckbt.errors import UsageError
from duckbt.sqlfiles import connect, quote_text
from duckbt.strategy.load import StrategyFile
from duckbt.strategy.model import Parameter, Range

Method = Literal["grid", "random", "lhs"]
LARGEST = 10_000_000  # parameter sets of a full grid before its condition


@dataclass(frozen=True)
class Grid:
    """Values per parameter, and the condition (over ``$name``) that sets must meet."""

    values: dict[str, list[Parameter]]
    where: str | None = None

    @property
    def size(self) -> int:
        """Sets before the condition."""
        return math.prod(len(v) for v in self.values.values())


def values_of(entry: Range | Sequence[Parameter]) -> list[Parameter]:
    """The values of a range (both ends included) or a list, each once, in order."""
    if isinstance(entry, Range):
        count = math.floor((entry.last - entry.first) / entry.step + 1e-9) + 1
        listed: list[Parameter] = [_tidy(entry.first + i * entry.step) for i in range(max(0, count))]
    else:
        listed = list(entry)
    return list(dict.fromkeys(listed))


def _tidy(value: int | float) -> int | float:
    """0.1 + 2 * 0.1 as the 0.3 that was meant."""
    return value if isinstance(value, int) else round(value, 12)


def parse_values(text: str) -> list[Parameter] | Range:
    """``8,12,16`` or ``20..60`` or ``20..60:10`` from the command line. Raises UsageError."""
    number = r"(-?\d+(?:\.\d+)?(?:e-?\d+)?)"
    found = re.fullmatch(rf"\s*{number}\.\.{number}(?::{number})?\s*", text)
    if found:
        first, last, step = (None if g is None else _number(g) for g in found.groups())
        assert isinstance(first, int | float)
        assert isinstance(last, int | float)
        if last < first:
            raise UsageError(f"{text}: the range ends before it begins")
        if step is not None and (not isinstance(step, int | float) or step <= 0):
            raise UsageError(f"{text}: the step must be more than 0")
        return Range(**{"from": first, "to": last, "step": 1 if step is None else step})
    parts = [p.strip() for p in text.split(",")]
    if not all(parts):
        raise UsageError(f"{text}: write values as 8,12,16 or a range as 20..60:10")
    return [_number(p) for p in parts]


def _number(text: str) -> Parameter:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value == int(value) and not any(c in text.lower() for c in ".en") else value


def grid_of(file: StrategyFile, given: Mapping[str, Any] | None = None, where: str | None = None) -> Grid:
    """The strategy's own [sweep] with ``given`` put in (values, ranges or text). Raises StrategyError, UsageError."""
    own = dict(file.strategy.sweep)
    stated = own.pop("where", None)
    entries: dict[str, Any] = {**own, **(given or {})}
    if not entries:
        raise UsageError(
            f"{file.path} has no [sweep] and no grid is given; "
            "write one there, or give values as in -g fast=8,12,16 -g slow=20..60:10"
        )
    values = {}
    for name, entry in entries.items():
        given_values = parse_values(entry) if isinstance(entry, str) else entry
        if isinstance(given_values, bool | int | float):
            given_values = [given_values]
        listed = values_of(given_values if isinstance(given_values, Range) else list(given_values))
        if not listed:
            raise UsageError(f"{name}: no values to try")
        values[name] = [file.parameters({name: v})[name] for v in listed]
    return Grid(values, where or (stated if isinstance(stated, str) else None))


def parameter_sets(
    file: StrategyFile,
    grid: Grid,
    fixed: Mapping[str, Any] | None = None,
    method: Method = "grid",
    samples: int | None = None,
    seed: int = 0,
) -> list[dict[str, Parameter]]:
    """The sets to run, in the order of the grid (or of the sample), each complete and once.

    ``method`` random draws ``samples`` sets of the grid without repeats; lhs (Latin hypercube) spreads them so that each
    parameter's values come up equally often. Raises UsageError when nothing is left.
    """
    base = file.parameters(fixed or {})
    names = list(grid.values)
    if method == "grid":
        if grid.size > LARGEST:
            raise UsageError(f"the grid has {grid.size:,} sets; take a sample of it with --random or --lhs, or search it")
        rows = list(itertools.product(*grid.values.values()))
    elif samples is None or samples < 1:
        raise UsageError(f"--{method}: how many sets? give a number of 1 or more")
    elif method == "random":
        rows = _random(grid, samples, random.Random(seed))
    else:
        rows = _latin(grid, samples, random.Random(seed))
    sets = [base | dict(zip(names, row, strict=True)) for row in rows]
    sets = _kept(file, sets, grid.where)
    if not sets:
        raise UsageError(f"no parameter set meets the condition {grid.where!r}")
    return sets


def _random(grid: Grid, samples: int, source: random.Random) -> list[tuple[Parameter, ...]]:
    lists = list(grid.values.values())
    picked = source.sample(range(grid.size), min(samples, grid.size)) if grid.size < 2**62 else []
    rows = []
    for number in picked:
        row = []
        for values in reversed(lists):
            number, place = divmod(number, len(values))
            row.append(values[place])
        rows.append(tuple(reversed(row)))
    return rows


def _latin(grid: Grid, samples: int, source: random.Random) -> list[tuple[Parameter, ...]]:
    columns = []
    for values in grid.values.values():
        column = [values[i * len(values) // samples] for i in range(samples)]
        source.shuffle(column)
        columns.append(column)
    return list(dict.fromkeys(zip(*columns, strict=True)))


def _kept(file: StrategyFile, sets: list[dict[str, Parameter]], where: str | None) -> list[dict[str, Parameter]]:
    """The sets that meet the condition, judged by DuckDB on the values alone."""
    from duckbt.compiler.condition import parameter_condition  # the compiler is needed only here

    if where is None:
        return sets
    sql = parameter_condition(where, file.strategy.params, f"{file.path}: sweep.where")
    names = list(sets[0])
    with connect() as connection:
        connection.execute("set enable_external_access = false")
        kept = []
        for begin in range(0, len(sets), 10_000):
            chunk = sets[begin : begin + 10_000]
            rows = ", ".join("(" + ", ".join([str(i), *(_literal(s[n]) for n in names)]) + ")" for i, s in enumerate(chunk))
            columns = ", ".join(['"#"', *(f'"${n}"' for n in names)])
            query = f'select "#" from (values {rows}) as sets ({columns}) where {sql} order by 1'
            kept += [chunk[i] for (i,) in connection.execute(query).fetchall()]
    return kept


def _literal(value: Parameter) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return quote_text(value) if isinstance(value, str) else f"({value!r})"


def different(sets: Sequence[Mapping[str, Parameter]]) -> list[str]:
    """Names of the parameters that are not the same in all sets."""
    names = list(dict.fromkeys(n for s in sets for n in s))
    return [n for n in names if len({repr(s.get(n)) for s in sets}) > 1]
