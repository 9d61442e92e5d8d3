"""A strategy file to start from."""

from __future__ import annotations

import re
from pathlib import Path

from duckbt.errors import UsageError
from duckbt.lake.sample import sample_strategy
from duckbt.strategy.load import parse_strategy


def write_starter(name: str | Path) -> Path:
    """Write ``name`` (with or without ``.toml``), a copy of the sample strategy under that name; returns the path.

    Raises UsageError when the file is there already, StrategyError for a name that strategies may not have.
    """
    path = Path(name if str(name).endswith(".toml") else f"{name}.toml")
    if path.exists():
        raise UsageError(f"{path} is there already; choose another name or edit it")
    if not path.resolve().parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}; make it first")
    text = sample_strategy().read_text(encoding="utf-8")
    text = re.sub(r'^name = ".*"$', f'name = "{path.stem}"', text, count=1, flags=re.MULTILINE)
    text = re.sub(r'^description = ".*"$', 'description = "EMA cross with ATR stop and target"', text, flags=re.MULTILINE)
    parse_strategy(text, path)
    path.write_text(text, encoding="utf-8")
    return path
