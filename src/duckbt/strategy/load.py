"""Reading a strategy file, with errors that name file and key and suggest the way out."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from duckbt.errors import StrategyError, UsageError, did_you_mean
from duckbt.strategy.model import Parameter, Strategy

# columns that stand beside the indicators' own in signals, scans and the catalog
TAKEN = frozenset({"bar", "combo_id", "direction", "long_signal", "reason", "run_id", "short_signal", "status", "trade_id"})


@dataclass(frozen=True)
class StrategyFile:
    """A strategy with the text it came from (kept with every run) and its own indicator folder."""

    strategy: Strategy
    text: str
    path: Path

    @property
    def indicators_folder(self) -> Path:
        """Where the strategy's own indicators may lie."""
        return self.path.parent / "indicators"

    def fingerprint(self) -> str:
        """sha256 of the text and of the strategy's own indicator files."""
        digest = hashlib.sha256(self.text.encode())
        for file in sorted(self.indicators_folder.glob("*.sql")):
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
        return digest.hexdigest()

    def parameters(self, given: Mapping[str, Any]) -> dict[str, Parameter]:
        """The declared parameters with ``given`` put in, in declared order.

        Raises StrategyError for a name that is not declared, UsageError for a value of another kind.
        """
        declared = self.strategy.params
        for name in given:
            if name not in declared:
                known = ", ".join(declared) or "none"
                raise StrategyError(
                    f"{self.path}: no parameter {name!r}; " + did_you_mean(name, declared, f"declared: {known}")
                )
        return {name: _like(name, default, given.get(name, default)) for name, default in declared.items()}


def _like(name: str, default: Parameter, value: Any) -> Parameter:
    """``value`` (perhaps text from the command line) in the kind of ``default``."""
    if isinstance(value, str) and not isinstance(default, str):
        low = value.strip().lower()
        if isinstance(default, bool) and low in ("true", "false"):
            return low == "true"
        try:
            number = float(value)
            return int(number) if number == int(number) and not any(c in low for c in ".en") else number
        except (ValueError, OverflowError):
            raise UsageError(f"parameter {name}: {value!r} is not a number (its default is {default!r})") from None
    if isinstance(default, str) != isinstance(value, str):
        raise UsageError(f"parameter {name}: {value!r} is not text (its default is {default!r})")
    result: Parameter = value
    return result


def load_strategy(path: Path | str) -> StrategyFile:
    """Read and check one strategy file. Raises StrategyError."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        near = sorted(p.name for p in path.parent.glob("*.toml")) if path.parent.is_dir() else []
        raise StrategyError(
            f"{path}: no such strategy file; "
            + did_you_mean(path.name, near, "`duckcli backtest new NAME` writes one to start from")
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise StrategyError(f"{path} cannot be read: {error}") from None
    return parse_strategy(text, path)


def parse_strategy(text: str, path: Path) -> StrategyFile:
    """Check the text of a strategy file; ``path`` is for messages and the indicator folder."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StrategyError(f"{path}: not valid TOML: {error}") from None
    try:
        strategy = Strategy.model_validate(data)
    except ValidationError as error:
        raise StrategyError("\n".join(f"{path}: {_explain(e)}" for e in error.errors())) from None
    except UsageError as error:
        raise StrategyError(f"{path}: {error}") from None
    for name in strategy.indicators:
        if name.lower() in TAKEN:
            raise StrategyError(f"{path}: indicators.{name}: the name {name!r} is taken; choose another one")
    return StrategyFile(strategy, text, path)


def _explain(error: Any) -> str:
    where = [str(p) for p in error["loc"]]
    key = ".".join(p for p in where if p != "[key]") or "file"
    kind, got = error["type"], error.get("input")
    if kind == "extra_forbidden":
        section = _section(where[:-1])
        known = list(section.model_fields) if section else []
        return f"unknown key {key!r}; " + did_you_mean(where[-1], known, f"known here: {', '.join(known)}")
    if kind == "missing":
        return f"key {key!r} is missing"
    if kind == "literal_error":
        return f"{key} = {got!r}: expected {error['ctx']['expected']}"
    if kind == "string_pattern_mismatch":
        return f"{key} = {got!r}: use letters, digits and underscores, beginning with a letter"
    message = str(error["ctx"]["error"]) if kind == "value_error" else error["msg"].lower()
    return f"{key}: {message}" + (f", got {got!r}" if not isinstance(got, dict) else "")


def _section(where: list[str]) -> type[BaseModel] | None:
    """The model that a path of keys leads to, for the list of known keys."""
    model: Any = Strategy
    for key in where:
        field = model.model_fields.get(key) if isinstance(model, type) and issubclass(model, BaseModel) else None
        if field is None:
            return None
        options = [field.annotation, *get_args(field.annotation)]
        model = next((o for o in options if isinstance(o, type) and issubclass(o, BaseModel)), None)
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None
