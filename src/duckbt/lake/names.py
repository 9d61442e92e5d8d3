"""What file names tell: which files are meant, and the symbol and timeframe in a name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from duckbt.errors import DataError, UsageError
from duckbt.lake.timeframe import Timeframe

_HABITS = tuple(
    re.compile(pattern)
    for pattern in (
        r"^(?P<symbol>[A-Za-z0-9.=^&+-]{1,24}?)[_-](?P<timeframe>[MHDW]\d{1,4})(?=[_.-]|$)",  # EURUSD_M1_2019, BRK.B_D1
        r"^(?P<symbol>[A-Za-z0-9.=^&+-]{1,24}?)[_-]?(?P<timeframe>\d{1,4}(?:min|m|h|d))(?=[_.-]|$)",  # BTCUSDT-1m-2021-11
        r"(?:^|_)(?P<symbol>[A-Z]{6})(?P<timeframe>[mhdwMHDW]\d{1,2})(?=[_.-]|$)",  # EURUSDd1
        r"(?:^|[_-])(?P<symbol>[A-Z0-9]+_[A-Z0-9_]+)-(?P<timeframe>\d+[mhdw])(?=[_.-]|$)",  # ETH_BTC-5m
        r"(?:^|_)(?P<symbol>[A-Z]{6})(?P<minutes>1|5|15|30|60|240|1440)(?=[_.-]|$)",  # EURUSD60, as MetaTrader 4 writes it
        r"^(?P<symbol>[A-Z][A-Z0-9.=^&-]{0,11})(?:_MN1|_\d[\d_-]*)?$",  # AAPL, SPY_2019
    )
)
_FOLDER = re.compile(r"(?:^|/)(?:symbol|ticker|pair|instrument)=([^/]+)/", re.IGNORECASE)
_FOLDER_TIMEFRAME = re.compile(r"(?:^|/)(?:timeframe|tf|interval)=([^/]+)/", re.IGNORECASE)
_ENDINGS = (".gz", ".zst", ".csv", ".txt", ".tsv", ".json", ".parquet", ".pq", ".feather", ".arrow", ".ipc", ".zip")
_WORDS = {"minute": "1m", "hour": "1h", "daily": "1d"}


def expand(paths: Sequence[str | Path]) -> list[Path]:
    """Files named, files matched by globs, and files inside folders. Raises DataError when there are none."""
    found: list[Path] = []
    for given in paths:
        path = Path(given)
        if path.is_dir():
            found += sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
        elif any(c in str(given) for c in "*?[") and not path.exists():
            base = Path(path.anchor) if path.is_absolute() else Path()
            found += sorted(p for p in base.glob(str(path.relative_to(base))) if p.is_file())
        else:
            found.append(path)
    if not found:
        raise DataError(f"no files match {', '.join(map(str, paths))}")
    return list(dict.fromkeys(found))


def names_in(file: str, pattern: re.Pattern[str] | None = None) -> tuple[str | None, Timeframe | None]:
    """(symbol, timeframe) as far as folders (``symbol=…/``), a dialect's pattern or common habits tell."""
    path = file.replace("\\", "/")
    stem = path.split("/")[-1]
    match = pattern.search(stem) if pattern else None
    match = match or next(filter(None, (habit.search(_bare(stem)) for habit in _HABITS)), None)
    found = match.groupdict() if match else {}
    symbol = found.get("symbol")
    symbol = symbol.replace("_", "").upper() if symbol else None
    folder, folder_timeframe = _FOLDER.search(path), _FOLDER_TIMEFRAME.search(path)
    if folder_timeframe:
        text: str | None = folder_timeframe[1]
    elif found.get("minutes"):
        text = f"{found['minutes']}m"
    else:
        text = found.get("timeframe")
    return (folder[1] if folder else symbol), _timeframe(text)


def _bare(name: str) -> str:
    while name.lower().endswith(_ENDINGS):
        name = name.rpartition(".")[0]
    return name


def _timeframe(text: str | None) -> Timeframe | None:
    if not text:
        return None
    try:
        return Timeframe(_WORDS.get(text, text.replace("_", "")))
    except UsageError:
        return None
