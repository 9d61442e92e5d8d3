"""The strategy file as a typed model. Structure only: what the expressions mean is the compiler's business."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from duckbt.lake.timeframe import Timeframe


def _as_text(value: Any) -> Any:
    """A bare number is an expression too."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, int | float) else value


Expression = Annotated[str, BeforeValidator(_as_text)]
Parameter = bool | int | float | str
_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Entry(_Section):
    """When to enter and at which price."""

    long: Expression | None = None
    short: Expression | None = None
    when: Expression | None = None
    price: Literal["next_open"] = "next_open"

    @model_validator(mode="after")
    def _some_side(self) -> Entry:
        if self.long is None and self.short is None:
            raise ValueError("give entry.long, entry.short or both; without one the strategy never trades")
        return self


class Exit(_Section):
    """How a trade ends. Distances are measured from the fill and mirrored for shorts."""

    stop: Expression | None = None
    target: Expression | None = None
    stop_price: Expression | None = None
    target_price: Expression | None = None
    max_bars: Expression | None = None
    long: Expression | None = None
    short: Expression | None = None
    same_bar: Literal["stop_first", "target_first", "stop_first_always"] = "stop_first"
    entry_bar_exits: bool = True

    @model_validator(mode="after")
    def _one_of_each(self) -> Exit:
        for distance, price in (("stop", "stop_price"), ("target", "target_price")):
            if getattr(self, distance) is not None and getattr(self, price) is not None:
                raise ValueError(f"give exit.{distance} (a distance) or exit.{price} (a price), not both")
        return self


class Size(_Section):
    """How much is traded, and the account it is traded on."""

    mode: Literal["units"] = "units"
    value: float = Field(default=1.0, gt=0)
    initial_cash: float = Field(default=10_000.0, gt=0)


class Strategy(_Section):
    """One strategy file."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    description: str = ""
    timeframe: str
    params: dict[Annotated[str, Field(pattern=_NAME)], Parameter] = {}
    indicators: dict[Annotated[str, Field(pattern=_NAME)], Expression] = {}
    entry: Entry
    exit: Exit = Exit()
    size: Size = Size()

    @field_validator("timeframe")
    @classmethod
    def _known_timeframe(cls, text: str) -> str:
        return str(Timeframe(text))

    @property
    def bar(self) -> Timeframe:
        """The timeframe, parsed."""
        return Timeframe(self.timeframe)
