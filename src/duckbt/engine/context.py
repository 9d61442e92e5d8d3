"""What the steps of one run are made from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from duckbt.compiler.program import Program
from duckbt.lake.source import BarSource
from duckbt.strategy.model import Strategy
from duckbt.strategy.rules import FillRules, fill_rules

BASE = 5  # a block of the pyramid's first level has 2^5 bars


@dataclass(frozen=True)
class Context:
    """Program, bars and strategy of a run, and what follows from them."""

    program: Program
    source: BarSource
    strategy: Strategy

    @cached_property
    def rules(self) -> FillRules:
        """Resolved fill rules."""
        return fill_rules(self.strategy)

    @cached_property
    def roles(self) -> set[str]:
        """Kinds of levels the strategy has."""
        return self.program.roles()

    @property
    def top(self) -> int:
        """Level of the pyramid on which the longest symbol is one block."""
        return self.levels_above(BASE)

    def levels_above(self, base: int) -> int:
        """Levels of a pyramid whose first level has blocks of 2^base bars."""
        return max(1, (max(1, self.source.longest - 1) >> base).bit_length() + 1)

    @property
    def many_symbols(self) -> bool:
        """More than one symbol."""
        return len(self.source.symbols) > 1

    @property
    def parts(self) -> list[tuple[int, float]]:
        """(number, fraction) of every partial exit."""
        return [(i, s.fraction) for i, s in enumerate(self.strategy.exit.scale_out)]
