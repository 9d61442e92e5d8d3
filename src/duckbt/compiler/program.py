"""The compiled strategy: one scan over the bars, and rules over the rows it keeps. Plain data, made by ``compile``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from duckbt.compiler.graph import Graph, longest
from duckbt.compiler.layers import Layers, Output
from duckbt.strategy.model import Parameter

ADVERSE = ("stop", "trail", "trail_price", "breakeven_to")  # levels that a price moving against the trade touches


@dataclass
class Level:
    """A price level of a trade: SQL over a candidate's columns, as distance from the fill or as price.

    ``role``: stop, target, scale, trail, trail_after, trail_price, breakeven, breakeven_to.
    """

    number: int
    role: str
    sql: str
    is_price: bool
    only: int | None = None  # the one direction it exists for
    signal_sets: list[int] = field(default_factory=list)  # those that ask for it; empty: all

    @property
    def adverse(self) -> bool:
        """Whether it lies against the trade."""
        return self.role in ADVERSE

    @property
    def label(self) -> str:
        """As the strategy file calls it."""
        return {"scale": "scale_out.at", "breakeven": "breakeven.at", "breakeven_to": "breakeven.to"}.get(
            self.role, self.role
        )


@dataclass(frozen=True)
class Combo:
    """One parameter set, pointing at the shared parts (None: the strategy has none)."""

    combo_id: int
    parameters: dict[str, Parameter]
    signal_set: int
    exit_set: int | None
    stop: int | None = None
    target: int | None = None
    trail: int | None = None
    trail_after: int | None = None
    trail_price: int | None = None
    moving: int | None = None
    breakeven: int | None = None
    breakeven_to: int | None = None
    max_bars: int | None = None
    size: int = 0
    scales: tuple[tuple[int, float], ...] = ()  # (level, fraction)

    @property
    def levels(self) -> set[int | None]:
        """Numbers of all levels it uses."""
        own = (self.stop, self.target, self.trail, self.trail_after, self.trail_price, self.breakeven, self.breakeven_to)
        return {*own, *(level for level, _ in self.scales)}


@dataclass(frozen=True)
class Side:
    """One direction of a signal set: its flag, the opposite one, and the order's price and cancellation flag."""

    number: int
    direction: int
    flag: str
    other: str | None
    price: str | None = None
    cancel: int | None = None
    order: int = 0  # number of the kind of order: its price columns and cancellation


@dataclass(frozen=True)
class OrderSide:
    """All sets that place the same order in one direction."""

    order: int
    direction: int
    price: str | None
    flags: list[str]


@dataclass(frozen=True)
class Watched:
    """A condition whose stretches matter: ``flag`` holds on a bar, ``changes`` marks where that begins or ends."""

    number: int
    direction: int
    flag: str
    changes: str


@dataclass
class IndicatorInfo:
    """What the run manifest says of a declared indicator."""

    name: str
    expression: str
    columns: list[str]
    first_bar: int
    stable_after: int | None


def inside(column: str) -> str:
    """An indicator's column as the stages carry it."""
    return f"ind_{column}"


@dataclass
class Program:
    """``outputs`` are the scan's columns: flags, declared indicators, and values that levels need.

    ``moving`` holds, per number, the nodes of a trail price for longs and shorts: series over all bars.
    ``sizes`` and ``priority`` are SQL over a candidate's columns.
    """

    graph: Graph
    outputs: list[Output] = field(default_factory=list)
    sides: list[Side] = field(default_factory=list)
    watched: list[Watched] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    moving: list[tuple[int | None, int | None]] = field(default_factory=list)
    sizes: list[str] = field(default_factory=list)
    priority: str | None = None
    session_flag: str | None = None
    session_set: int | None = None
    combos: list[Combo] = field(default_factory=list)
    indicators: list[IndicatorInfo] = field(default_factory=list)

    @property
    def indicator_names(self) -> list[str]:
        """As declared, in order."""
        return [i.name for i in self.indicators]

    @property
    def indicator_sources(self) -> dict[str, str]:
        """Indicator column → its name in the scan and on candidates, where no stage has a column of its own like it."""
        return {column: inside(column) for column in self.indicator_columns}

    @property
    def indicator_columns(self) -> list[str]:
        """Scan columns with the declared indicators' values (``name`` or ``name_output``)."""
        return [c for i in self.indicators for c in i.columns]

    @property
    def carried(self) -> list[str]:
        """Scan columns that candidates keep: indicators and the values levels need."""
        flags = {f for s in self.sides for f in (s.flag, s.other)}
        flags |= {f for w in self.watched for f in (w.flag, w.changes)} | {"ts", self.session_flag}
        return [o.name for o in self.outputs if o.name not in flags]

    @property
    def order_sides(self) -> list[OrderSide]:
        """Sides grouped by the order they place."""
        found: dict[tuple[int, int], OrderSide] = {}
        for side in self.sides:
            group = found.setdefault((side.order, side.direction), OrderSide(side.order, side.direction, side.price, []))
            if side.flag not in group.flags:
                group.flags.append(side.flag)
        return list(found.values())

    @property
    def conditions(self) -> list[str]:
        """Flags of which one must be true for the scan to keep a bar."""
        return list(dict.fromkeys([s.flag for s in self.sides] + [w.changes for w in self.watched]))

    @property
    def combo_scales(self) -> list[tuple[int, int, int, float]]:
        """(combo, part, level, fraction) of every partial exit."""
        return [(c.combo_id, part, *scale) for c in self.combos for part, scale in enumerate(c.scales)]

    def roles(self) -> set[str]:
        """The kinds of levels this strategy has."""
        return {level.role for level in self.levels}

    def only(self, combos: Sequence[Combo]) -> Program:
        """The same scan with some of the parameter sets and the levels that they use."""
        sets = {s.number for s in self.sides}
        levels = []
        for level in self.levels:
            asking = {c.signal_set for c in combos if level.number in c.levels}
            if asking:
                levels.append(replace(level, signal_sets=[] if asking == sets else sorted(asking)))
        return replace(self, combos=list(combos), levels=levels)

    @property
    def reach(self) -> int | None:
        """How many earlier bars a scanned row depends on."""
        return longest([self.graph[o.node].reach for o in self.outputs])

    def layers(self) -> Layers:
        """The scan, laid out."""
        return Layers(self.graph, self.outputs)

    def types(self) -> dict[str, str]:
        """SQL type of every scan column."""
        return {o.name: sql_type(self.graph[o.node].type) for o in self.outputs}


def sql_type(type: str) -> str:
    """SQL type of a node's type; all numbers are DOUBLE."""
    known = {"double": "double", "integer": "double", "boolean": "boolean", "null": "double", "text": "varchar"}
    return known.get(type, type)
