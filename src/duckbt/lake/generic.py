"""Tables with named columns: which column is the time, which the open, …, and how numbers and times are written."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field

import duckdb

from duckbt.errors import DataError, UsageError, did_you_mean
from duckbt.lake.moments import Moments, moments_of, moments_of_type
from duckbt.lake.prepare import Readable, first_lines
from duckbt.sqlfiles import quote_name, quote_text

NEEDED = ("ts", "open", "high", "low", "close")
NAMES = {
    "ts": ("ts", "timestamp", "datetime", "date", "time", "opentime", "dateandtime", "gmttime", "utctime", "localtime",
           "unix", "unixtime", "unixtimestamp", "epoch", "openat", "datetimeutc", "dateutc", "timestamputc", "timeutc",
           "timestampms", "period", "index", "indexlevel0", "column0", "unnamed0", ""),
    "open": ("open", "o", "openprice", "openbid", "bidopen", "op"),
    "high": ("high", "h", "highprice", "max", "highbid", "bidhigh", "hi"),
    "low": ("low", "l", "lowprice", "min", "lowbid", "bidlow", "lo"),
    "close": ("close", "c", "closeprice", "last", "price", "closebid", "bidclose", "cl"),
    "volume": ("volume", "tickvolume", "tickvol", "vol", "v", "volumebase", "basevolume", "qty", "size"),
    "symbol": ("symbol", "ticker", "name", "instrument", "pair", "tic", "code", "level0"),
}  # fmt: skip
RESERVED = {*NAMES, "bar", "raw", "unreadable", "source", "part", "row", "place", "n"}


@dataclass(frozen=True)
class Roles:
    """What a table's columns mean. ``types``: names and types to read; ``columns``: role → column name or None."""

    types: dict[str, str]
    columns: dict[str, str | None]
    extras: dict[str, str]
    moments: Moments
    delimiter: str = ","
    decimal: str = "."

    def sql(self) -> dict[str, str]:
        """Lake column → SQL expression, in the lake's order; ``symbol`` only where the table has one."""
        found = {"ts": self.moments.sql()}
        for role in ("open", "high", "low", "close", "volume"):
            column = self.columns[role]
            found[role] = f"{quote_name(column)}::double" if column is not None else "null::double"
        found |= {name: f"{quote_name(column)}::double" for name, column in self.extras.items()}
        if self.columns["symbol"] is not None:
            found["symbol"] = f"trim({quote_name(self.columns['symbol'])}::varchar)"
        return found


@dataclass(frozen=True)
class Given:
    """What the user says of a table: role or extra → column name, and how times are written."""

    columns: dict[str, str] = field(default_factory=dict)
    time_format: str | None = None


def check_columns(columns: dict[str, str]) -> None:
    """Raise UsageError for a ``--columns`` name that is neither a column of a bar nor fit to be an extra one."""
    for name in columns:
        if name in NAMES:
            continue
        near = did_you_mean(name, NAMES)
        if near or name in RESERVED or not re.fullmatch(r"[a-z_][a-z0-9_]*", name):
            raise UsageError(
                f"--columns {name}={columns[name]}: {near or 'extra columns need a new name of small letters and digits'} "
                f"A bar has {', '.join(NAMES)}."
            )


def roles_of(connection: duckdb.DuckDBPyConnection, file: Readable, given: Given) -> Roles:
    """Find out what the columns of a table mean. Raises DataError when a needed one cannot be told."""
    return _roles_of_text(connection, file, given) if file.kind == "text" else _roles_of_table(connection, file, given)


def _roles_of_table(connection: duckdb.DuckDBPyConnection, file: Readable, given: Given) -> Roles:
    rows = f"read_parquet({quote_text(file.path)}, hive_partitioning = false)"  # folders tell the symbol, see names.py
    if file.kind == "arrow":
        rows = "arrow_file"
        connection.register(rows, file.arrow())
    try:
        types = {str(r[0]): str(r[1]) for r in connection.execute(f"describe select * from {rows}").fetchall()}
        columns, clock, extras = _assign(file.name, list(types), given)
        column = columns["ts"] or ""
        moments = moments_of_type(types[column], column) if clock is None else None
        if moments is None:
            shown = f"{quote_name(column)}::varchar" + (f" || ' ' || {quote_name(clock)}::varchar" if clock else "")
            found = connection.execute(f"select {shown} from {rows} limit 50").fetchall()
            sample = [str(row[0]).strip() for row in found if row[0]]
            moments = moments_of(connection, file.name, rows, column, clock, sample, given.time_format)
        return Roles(types, columns, extras, moments)
    except duckdb.Error as error:
        raise DataError(f"{file.name} is not a readable {file.kind} file: {str(error).splitlines()[0]}") from None
    finally:
        if file.kind == "arrow":
            connection.unregister(rows)


def _assign(file: str, names: list[str], given: Given) -> tuple[dict[str, str | None], str | None, dict[str, str]]:
    """(role → column, column of the clock time if date and time are apart, extra → column)."""
    columns: dict[str, str | None] = dict.fromkeys(NAMES)
    extras: dict[str, str] = {}
    for role, name in given.columns.items():
        if name not in names:
            raise DataError(f"{file}: no column {name!r}; there are: {', '.join(n or '(unnamed)' for n in names)}")
        if role in columns:
            columns[role] = name
        else:
            extras[role] = name
    plain = {name: re.sub(r"[^a-z0-9]", "", name.lower()) for name in names}
    for role, known in NAMES.items():
        free = {plain[n]: n for n in reversed(names) if n not in columns.values()}
        if columns[role] is None:
            columns[role] = next((free[k] for k in known if k in free), None)
    clock = None
    both = {plain[n]: n for n in names}
    if "ts" not in given.columns and "date" in both and "time" in both:
        columns["ts"], clock = both["date"], both["time"]
    missing = [role for role in NEEDED if columns[role] is None]
    if missing:
        raise DataError(
            f"{file}: no column for {', '.join(missing)}; the columns are: {', '.join(n or '(unnamed)' for n in names)}. "
            f"Name them with --columns {missing[0]}=NAME,…"
        )
    return columns, clock, extras


def _roles_of_text(connection: duckdb.DuckDBPyConnection, file: Readable, given: Given) -> Roles:
    lines = first_lines(file)
    delimiter = max(",;\t|", key=lambda d: _fit(lines, d))
    names, *rows = _split(lines, delimiter)
    if len(names) < 2:
        raise DataError(f"{file.name}: no columns found; the first line is: {lines[0][:100]}")
    if sum(_is_number(n) for n in names) >= 3:
        raise DataError(
            f"{file.name}: no header and no known dialect; the first line is: {lines[0][:100]}\n"
            "Name the dialect with --format (`duckcli data formats` lists them) or add a header line"
        )
    names = [n or f"column{i}" for i, n in enumerate(names)]
    if len({n.lower() for n in names}) < len(names):
        raise DataError(f"{file.name}: two columns have the same name: {', '.join(names)}")
    columns, clock, extras = _assign(file.name, names, given)
    rows = [row for row in rows if len(row) == len(names)]

    def values(name: str) -> list[str]:
        return [row[names.index(name)] for row in rows]

    prices = [p for role in ("open", "high", "low", "close") for p in values(columns[role] or "")]
    comma = sum(bool(re.fullmatch(r"-?\d+,\d+", p)) for p in prices) > len(prices) / 2
    texts = ", ".join(f"{quote_text(n)}: 'varchar'" for n in names)
    whole = (
        f"read_csv({quote_text(file.path)}, columns = {{{texts}}}, delim = {quote_text(delimiter)}, header = false, "
        "skip = 1, auto_detect = false, quote = '\"', ignore_errors = true, null_padding = true)"
    )
    column = columns["ts"] or ""
    sample = [f"{d} {t}" for d, t in zip(values(column), values(clock), strict=True)] if clock else values(column)
    moments = moments_of(connection, file.name, whole, column, clock, list(filter(None, sample)), given.time_format)
    types = dict.fromkeys(names, "varchar")
    for name in (*(columns[r] for r in ("open", "high", "low", "close", "volume")), *extras.values()):
        if name is not None:
            types[name] = "double"
    types[column] = {"timestamp": "timestamp", "epoch": "double"}.get(moments.kind, "varchar")
    return Roles(types, columns, extras, moments, delimiter, "," if comma else ".")


def _fit(lines: list[str], delimiter: str) -> tuple[bool, int, int]:
    """How well a delimiter splits the first lines: several columns, rows as wide as the header, width."""
    header, *rows = (len(row) for row in _split(lines, delimiter))
    return header > 1, sum(row == header for row in rows), header


def _split(lines: list[str], delimiter: str) -> list[list[str]]:
    """The fields of a few lines, without quotes and blanks around them. A stray quote spoils its own line only."""
    rows = (next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), []) for line in lines)
    return [[field.strip() for field in row] for row in rows]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
