"""Tables with named columns: which column is the time, which the open, …, and how the time is written."""

from __future__ import annotations

import re
from dataclasses import dataclass

import duckdb

from duckbt.errors import DataError, UsageError
from duckbt.lake.prepare import Readable, first_lines
from duckbt.sqlfiles import quote_name, quote_text

ROLES = ("ts", "open", "high", "low", "close")
NAMES = {
    "ts": ("ts", "timestamp", "datetime", "date", "time", "opentime", "dateandtime", "gmttime", "utctime", "localtime",
           "unix", "unixtime", "unixtimestamp", "epoch", "openat", "datetimeutc", "dateutc", "period", "index", "column0",
           "unnamed0", ""),
    "open": ("open", "o", "openprice", "openbid", "bidopen", "op"),
    "high": ("high", "h", "highprice", "max", "bidhigh", "hi"),
    "low": ("low", "l", "lowprice", "min", "bidlow", "lo"),
    "close": ("close", "c", "closeprice", "last", "price", "bidclose", "cl"),
    "volume": ("volume", "vol", "v", "tickvolume", "tickvol", "volumebase", "basevolume", "qty", "size"),
    "symbol": ("symbol", "ticker", "name", "instrument", "pair", "tic", "code"),
}  # fmt: skip
FORMATS = (
    "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d", "%Y.%m.%d %H:%M:%S", "%Y.%m.%d %H:%M", "%Y.%m.%d",
    "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d", "%Y%m%d %H%M%S", "%Y%m%d %H:%M:%S", "%Y%m%d %H:%M", "%Y%m%d%H%M%S",
    "%Y%m%d%H%M", "%Y%m%d", "%d.%m.%Y %H:%M:%S.%f", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y",
    "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y",
    "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%d-%m-%Y", "%d-%b-%Y", "%b %d, %Y",
)  # fmt: skip


@dataclass(frozen=True)
class Roles:
    """What a table's columns mean. ``types``: names and types to read; ``columns``: role → column name or None."""

    types: dict[str, str]
    columns: dict[str, str | None]
    time: str | None
    moment_kind: str  # timestamp, timestamptz, date, epoch, text
    formats: tuple[str, ...]
    delimiter: str = ","
    skip: int = 1
    decimal: str = "."

    def columns_sql(self) -> dict[str, str | None]:
        """Role → quoted column."""
        return {role: quote_name(name) if name is not None else None for role, name in self.columns.items()}

    def time_sql(self) -> str:
        """SQL for the bar's time, as written in the file."""
        column = quote_name(self.columns["ts"] or "")
        if self.moment_kind == "timestamptz":
            return f"timezone('UTC', {column}::timestamptz)"
        if self.moment_kind in ("timestamp", "date"):
            return f"{column}::timestamp"
        if self.moment_kind == "epoch":
            whole = f"round({column})::bigint"
            return (
                f"make_timestamp(case when {column} < 1e11 then round({column} * 1e6)::bigint when {column} < 1e14 "
                f"then {whole} * 1000 when {column} < 1e17 then {whole} else {whole} // 1000 end)"
            )
        text = f"trim({column})"
        if self.time:
            text = f"{text} || ' ' || trim({quote_name(self.time)})"
        return f"try_strptime({text}, [{', '.join(quote_text(f) for f in self.formats)}])"

    def shown(self) -> dict[str, str]:
        """Role → column, for reports."""
        return {role: name for role, name in self.columns.items() if name is not None}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def roles_of(connection: duckdb.DuckDBPyConnection, file: Readable, given: dict[str, str]) -> Roles:
    """Find out what the columns of a table mean. ``given``: role → column, from the user.

    Raises DataError when a needed column cannot be told, with the columns there are.
    """
    if file.kind == "text":
        return _roles_of_text(connection, file, given)
    if file.kind == "arrow":
        import pyarrow.feather

        connection.register("arrow_file", pyarrow.feather.read_table(file.path, memory_map=True).slice(0, 1000))
        found = connection.execute("describe select * from arrow_file").fetchall()
        connection.unregister("arrow_file")
    else:
        try:
            found = connection.execute(f"describe select * from read_parquet({quote_text(file.path)})").fetchall()
        except duckdb.Error as error:
            raise DataError(f"{file.name} is not a readable Parquet file: {str(error).splitlines()[0]}") from None
    types = {str(row[0]): str(row[1]) for row in found}
    columns, time = _assign(file.name, list(types), given)
    kind = _kind(types[columns["ts"] or ""])
    return Roles(types, columns, time if kind == "text" else None, kind, FORMATS)


def _kind(type: str) -> str:
    upper = type.upper()
    if upper.startswith(("TIMESTAMP WITH", "TIMESTAMPTZ")):
        return "timestamptz"
    if upper.startswith("TIMESTAMP"):
        return "timestamp"
    if upper == "DATE":
        return "date"
    return "text" if upper == "VARCHAR" else "epoch"


def _assign(file: str, names: list[str], given: dict[str, str]) -> tuple[dict[str, str | None], str | None]:
    columns: dict[str, str | None] = dict.fromkeys((*ROLES, "volume", "symbol"))
    for role, name in given.items():
        if role not in columns:
            raise UsageError(f"--columns {role}={name}: {role!r} is no column of a bar; known: {', '.join(columns)}")
        if name not in names:
            raise DataError(f"{file}: no column {name!r}; there are: {', '.join(names)}")
        columns[role] = name
    plain = {name: _plain(name) for name in names}
    for role, known in NAMES.items():
        free = {plain[n]: n for n in reversed(names) if n not in columns.values()}
        if columns[role] is None:
            columns[role] = next((free[k] for k in known if k in free), None)
    time = None
    both = {plain[n]: n for n in names}
    if "ts" not in given and "date" in both and "time" in both:
        columns["ts"], time = both["date"], both["time"]
    missing = [role for role in ROLES if columns[role] is None]
    if missing:
        raise DataError(
            f"{file}: no column for {', '.join(missing)}; the columns are: {', '.join(n or '(unnamed)' for n in names)}. "
            f"Name them with --columns {missing[0]}=NAME,…"
        )
    return columns, time


def _roles_of_text(connection: duckdb.DuckDBPyConnection, file: Readable, given: dict[str, str]) -> Roles:
    lines = first_lines(file)
    delimiter = max(",;\t|", key=lambda d: min(line.count(d) for line in lines[:5]))
    if lines[0].count(delimiter) == 0:
        raise DataError(f"{file.name}: no columns found; the first line is: {lines[0][:100]}")
    names = [part.strip().strip('"') for part in lines[0].split(delimiter)]
    if sum(_number(n) for n in names) >= 3:
        raise DataError(
            f"{file.name}: no header and no known dialect; the first line is: {lines[0][:100]}\n"
            "Name the dialect with --format (`duckcli data formats` lists them) or add a header line"
        )
    names = [n or f"column{i}" for i, n in enumerate(names)]
    if len(set(names)) < len(names):
        raise DataError(f"{file.name}: two columns have the same name: {', '.join(names)}")
    columns, time = _assign(file.name, names, given)
    rows = [[p.strip().strip('"') for p in line.split(delimiter)] for line in lines[1:]]
    rows = [row for row in rows if len(row) == len(names)]
    prices = [row[names.index(columns["close"] or "")] for row in rows]
    comma = sum(bool(re.fullmatch(r"-?\d+,\d+", p)) for p in prices) > len(prices) / 2
    moments = [row[names.index(columns["ts"] or "")] for row in rows]
    kind, formats = _moments(file.name, moments, [row[names.index(time)] for row in rows] if time else None)
    types = dict.fromkeys(names, "varchar")
    for role in ("open", "high", "low", "close", "volume"):
        if columns[role]:
            types[columns[role] or ""] = "double"
    types[columns["ts"] or ""] = {"timestamp": "timestamp", "epoch": "double"}.get(kind, "varchar")
    return Roles(types, columns, time, kind, formats, delimiter, 1, "," if comma else ".")


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _moments(file: str, moments: list[str], times: list[str] | None) -> tuple[str, tuple[str, ...]]:
    """(kind, formats) of the time column, judged by its first values."""
    if times is None and moments and all(re.fullmatch(r"\d{9,19}(\.\d+)?", m) for m in moments):
        return "epoch", ()
    iso = r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?)?"
    if times is None and moments and all(re.fullmatch(iso, m) for m in moments):
        return "timestamp", ()
    formats = list(FORMATS)
    first = [re.match(r"(\d\d?)[/.-](\d\d?)[/.-]\d{4}", m) for m in moments]
    if any(m and int(m[1]) > 12 for m in first):
        formats = [f for f in formats if not f.startswith("%m")]
    elif any(m and int(m[2]) > 12 for m in first):
        formats = [f for f in formats if not f.startswith(("%d/", "%d-%m"))]
    elif first and all(m and "/" in m[0] for m in first):
        days = [int(m[1]) for m in first if m]
        months = [int(m[2]) for m in first if m]
        if len(set(days)) > len(set(months)):
            formats = [f for f in formats if not f.startswith("%m")]
        elif len(set(days)) < len(set(months)):
            formats = [f for f in formats if not f.startswith("%d")]
        else:
            raise DataError(
                f"{file}: {moments[0]!r} may be day first or month first; write the year first, as in 2024-01-31"
            )
    return "text", tuple(formats)
