"""The strategy file as a typed model. Structure only: what the expressions mean is the compiler's business."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from duckbt.lake.clock import Anchor, parse_anchor
from duckbt.lake.timeframe import Timeframe


def _as_text(value: Any) -> Any:
    """A bare number is an expression too."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, int | float) else value


Expression = Annotated[str, BeforeValidator(_as_text)]
Parameter = bool | int | float | str
Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LimitOrder(_Section):
    """Buy below or sell above: filled at the price or better, within ``bars`` bars."""

    limit: Expression
    bars: int = Field(default=1, ge=1)
    cancel: Expression | None = None


class StopOrder(_Section):
    """Buy above or sell below: filled when the price gets there, within ``bars`` bars."""

    stop: Expression
    bars: int = Field(default=1, ge=1)
    cancel: Expression | None = None


class Entry(_Section):
    """When to enter and at which price."""

    long: Expression | None = None
    short: Expression | None = None
    when: Expression | None = None
    price: Literal["next_open", "close"] | LimitOrder | StopOrder = "next_open"
    overlap: Literal["one", "stack"] = "one"
    priority: Expression | None = None

    @model_validator(mode="after")
    def _some_side(self) -> Entry:
        if self.long is None and self.short is None:
            raise ValueError("give entry.long, entry.short or both; without one the strategy never trades")
        return self

    @property
    def kind(self) -> str:
        """next_open, close, limit or stop."""
        if isinstance(self.price, str):
            return self.price
        return "limit" if isinstance(self.price, LimitOrder) else "stop"


class Breakeven(_Section):
    """Once the trade is ``at`` in favour, the stop moves to the price ``to``."""

    at: Expression
    to: Expression = "entry"


class ScaleOut(_Section):
    """A part of the position closed at a distance in favour."""

    at: Expression
    fraction: float = Field(gt=0, lt=1)


class BothSides(_Section):
    """A price for longs and one for shorts."""

    long: Expression | None = None
    short: Expression | None = None


class Exit(_Section):
    """How a trade ends. Distances are measured from the fill and mirrored for shorts."""

    stop: Expression | None = None
    target: Expression | None = None
    stop_price: Expression | None = None
    target_price: Expression | None = None
    trail: Expression | None = None
    trail_after: Expression | None = None
    trail_price: BothSides | None = None
    breakeven: Breakeven | None = None
    scale_out: tuple[ScaleOut, ...] = ()
    max_bars: Expression | None = None
    long: Expression | None = None
    short: Expression | None = None
    reverse: bool = False
    flat_when: Expression | None = None
    same_bar: Literal["stop_first", "target_first", "finer", "stop_first_always"] = "stop_first"
    entry_bar_exits: bool = True
    resolve_on: str | None = None

    @field_validator("resolve_on")
    @classmethod
    def _known_timeframe(cls, text: str | None) -> str | None:
        return None if text is None else str(Timeframe(text))

    @model_validator(mode="after")
    def _consistent(self) -> Exit:
        for distance, price in (("stop", "stop_price"), ("target", "target_price")):
            if getattr(self, distance) is not None and getattr(self, price) is not None:
                raise ValueError(f"give exit.{distance} (a distance) or exit.{price} (a price), not both")
        if self.trail_after is not None and self.trail is None:
            raise ValueError("exit.trail_after needs exit.trail")
        if sum(part.fraction for part in self.scale_out) >= 1:
            raise ValueError("the fractions of exit.scale_out must leave a rest; close the last part with exit.target")
        return self


class Bps(_Section):
    """A cost in basis points (1/10,000) of the price."""

    bps: float = Field(ge=0)


class Commission(_Section):
    """Per trade once; per unit and as a fraction of the value at the entry and again at the exit."""

    per_trade: float = Field(default=0.0, ge=0)
    per_unit: float = Field(default=0.0, ge=0)
    rate: float = Field(default=0.0, ge=0)


class Financing(_Section):
    """Yearly cost of holding, as a fraction of the value at entry; charged per night at ``rollover`` (UTC)."""

    long: float = 0.0
    short: float = 0.0
    rollover: str = Field(default="22:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")


class Costs(_Section):
    """What trading costs; all zero by default. Spread and slippage in price units, in bps, or as an expression."""

    spread: Bps | Expression = "0"
    slippage: Bps | Annotated[float, Field(ge=0)] = 0.0
    commission: Commission = Commission()
    financing: Financing = Financing()
    quote: Literal["mid", "bid"] = "mid"


class Size(_Section):
    """How much is traded, and the account it is traded on."""

    mode: Literal["units", "notional", "equity_fraction", "risk"] = "units"
    value: Expression = "1"
    initial_cash: float = Field(default=10_000.0, gt=0)
    lot: float = Field(default=0.0, ge=0)
    compounding: bool = True
    leverage: float | None = Field(default=None, gt=0)
    max_positions: int | None = Field(default=None, ge=1)
    max_per_symbol: int | None = Field(default=None, ge=1)
    currency: str | None = None
    quotes: dict[str, str] = {}


class Equity(_Section):
    """How often open positions are valued."""

    mark: str = "1d"

    @field_validator("mark")
    @classmethod
    def _known_timeframe(cls, text: str) -> str:
        return str(Timeframe(text))


class Compat(_Section):
    """Fill rules of other engines. ``like`` sets all of them; single keys override it."""

    like: Literal["vectorbt", "backtesting.py", "freqtrade", "quantpipe"] | None = None
    gap_fill: Literal["open", "level", "inside_bar"] | None = None
    target_touch: Literal["at", "beyond"] | None = None
    trail_high: Literal["previous", "same_bar"] | None = None
    reentry_on_exit_bar: bool | None = None
    at_end: Literal["close", "open"] | None = None


class Range(BaseModel):
    """``{from = 20, to = 60, step = 10}``, both ends included."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    first: int | float = Field(alias="from")
    last: int | float = Field(alias="to")
    step: int | float = Field(default=1, gt=0)


class Strategy(_Section):
    """One strategy file."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    description: str = ""
    timeframe: str
    anchor: str | None = None
    params: dict[Name, Parameter] = {}
    indicators: dict[Name, Expression] = {}
    entry: Entry
    exit: Exit = Exit()
    costs: Costs = Costs()
    size: Size = Size()
    equity: Equity = Equity()
    compat: Compat = Compat()
    sweep: dict[Name, list[Parameter] | Range | Expression] = {}

    @field_validator("timeframe")
    @classmethod
    def _known_timeframe(cls, text: str) -> str:
        return str(Timeframe(text))

    @model_validator(mode="after")
    def _one_scale(self) -> Strategy:
        fine = self.exit.resolve_on
        if fine and (Timeframe(fine) >= self.bar or self.bar.seconds % Timeframe(fine).seconds):
            raise ValueError(f"exit.resolve_on = {fine}: bars finer than {self.timeframe} that fill it are needed")
        for key, value in self.sweep.items():
            if isinstance(value, str) != (key == "where"):
                raise ValueError(f"sweep.{key}: a list, a range {{from, to, step}}, or for 'where' a condition is needed")
        return self

    @field_validator("anchor")
    @classmethod
    def _known_anchor(cls, text: str | None) -> str | None:
        return None if text is None else str(parse_anchor(text))

    @property
    def day(self) -> Anchor | None:
        """When resampled trading days begin; None: 00:00 UTC, or as the lake has them."""
        return None if self.anchor is None else parse_anchor(self.anchor)

    @property
    def bar(self) -> Timeframe:
        """The timeframe, parsed."""
        return Timeframe(self.timeframe)


def is_zero(text: str) -> bool:
    """Whether an expression is literally nothing."""
    return bool(re.fullmatch(r"0+(\.0*)?", text.strip()))
