"""One raw file → rows of the table ``raw_rows``: dialect found, columns read, clock turned to UTC.

The fast way reads columns with their types. When a file does not hold to them it is read again line by line, so that
every bad row can be counted and shown; good rows come out the same either way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from duckbt.errors import DataError
from duckbt.lake.dialects import GENERIC, Dialect, dialect_named, dialects
from duckbt.lake.generic import Roles, roles_of
from duckbt.lake.prepare import Readable, first_lines
from duckbt.sqlfiles import quote_name, quote_text, render

RAW_ROWS = """create table raw_rows (file integer, line bigint, symbol varchar, ts timestamp, open double, high double,
  low double, close double, volume double, raw varchar, unreadable boolean)"""


@dataclass(frozen=True)
class Format:
    """How one file is read: its dialect and, for ``generic``, what its columns mean."""

    dialect: Dialect
    roles: Roles | None = None


def find_format(connection: duckdb.DuckDBPyConnection, file: Readable, name: str, columns: dict[str, str]) -> Format:
    """Dialect of a file: the one named, else the one its content fits. Raises DataError or UsageError."""
    if file.kind != "text":
        return Format(dialects()[GENERIC], roles_of(connection, file, columns))
    if name not in ("auto", GENERIC):
        return Format(dialect_named(name))
    lines = first_lines(file)
    if not lines:
        raise DataError(f"{file.name} is empty")
    fitting = [] if name == GENERIC or columns else [d for d in dialects().values() if d.fits(lines)]
    if len(fitting) > 1:
        named = [d for d in fitting if d.file_name and d.file_name.search(file.name)]
        fitting = sorted(named or fitting, key=lambda d: _disorder(connection, file, d))
    if fitting:
        return Format(fitting[0])
    if lines[0].lstrip().startswith(("[", "{")):
        raise DataError(f"{file.name}: JSON of an unknown shape: {lines[0][:80]}")
    return Format(dialects()[GENERIC], roles_of(connection, file, columns))


def _disorder(connection: duckdb.DuckDBPyConnection, file: Readable, dialect: Dialect) -> float:
    """Share of the first rows whose high and low do not enclose open and close, read in that dialect."""
    query = _select(file, Format(dialect), careful=False)
    return float(
        connection.execute(
            "select coalesce(avg((low > least(open, close) or high < greatest(open, close))::int), 1) "
            f"from (select * from ({query}) limit 5000)"
        ).fetchall()[0][0]
    )


def load(connection: duckdb.DuckDBPyConnection, file: Readable, number: int, form: Format, symbol: str | None) -> int:
    """Append the file's rows to ``raw_rows``; returns how many. Raises DataError when nothing can be read."""
    try:
        return _insert(connection, file, number, form, symbol, careful=False)
    except duckdb.Error as fast:
        if file.kind != "text" or form.dialect.read == "json":
            raise DataError(f"{file.name}: {str(fast).splitlines()[0]}") from None
    try:
        return _insert(connection, file, number, form, symbol, careful=True)
    except duckdb.Error as error:
        raise DataError(f"{file.name}: {str(error).splitlines()[0]}") from None


def _insert(
    connection: duckdb.DuckDBPyConnection, file: Readable, number: int, form: Format, symbol: str | None, careful: bool
) -> int:
    own = form.roles is not None and bool(form.roles.columns["symbol"])
    shown_symbol = f"coalesce(symbol, {quote_text(symbol or '')})" if own else quote_text(symbol or "")
    extra = "raw, unreadable" if careful else "null as raw, false as unreadable"
    if file.kind == "arrow":
        _register_arrow(connection, file.path)
    try:
        return int(
            connection.execute(
                f"insert into raw_rows select {number}, row_number() over (), "
                f"{shown_symbol}, ts, open, high, low, close, volume, {extra} "
                f"from ({_select(file, form, careful)})"
            ).fetchall()[0][0]
        )
    finally:
        if file.kind == "arrow":
            connection.unregister("arrow_file")


def _register_arrow(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    import pyarrow.feather

    try:
        connection.register("arrow_file", pyarrow.feather.read_table(path, memory_map=True))
    except (OSError, ValueError) as error:
        raise DataError(f"{path.name} is not a readable Arrow file: {error}") from None


def _select(file: Readable, form: Format, careful: bool) -> str:
    """The dialect's SELECT over ``lines``, the file's rows as named columns."""
    dialect = form.dialect
    if form.roles:
        body = render("00_ingest/dialects/generic.sql.j2", ts=form.roles.time_sql(), columns=form.roles.columns_sql())
    else:
        body = "\n".join(line for line in dialect.sql.splitlines() if not line.startswith("--"))
    kept = ", raw, unreadable" if careful else ""
    body = re.sub(r"\nfrom ", f"{kept}\nfrom ", body.strip().rstrip(";"), count=1)
    return f"with lines as ({lines_sql(file, form, careful)}) {body}"


def lines_sql(file: Readable, form: Format, careful: bool) -> str:
    """SQL that yields the file's rows with the dialect's columns; with ``careful`` also ``raw`` and ``unreadable``."""
    path = quote_text(file.path)
    name = f"{quote_text(file.name)} as file_name"
    if file.kind == "parquet":
        return f"select *, {name} from read_parquet({path})"
    if file.kind == "arrow":
        return f"select *, {name} from arrow_file"
    dialect, roles = form.dialect, form.roles
    if dialect.read == "json":
        return (
            f"select unnest(json_transform(content, '[\"json\"]')) as item, {name} from (select trim(content) as content "
            f"from read_text({path}))"
            if file.path.suffix != ".gz"
            else f"select json as item, {name} from read_json_objects({path}, format = 'array')"
        )
    columns = roles.types if roles else dialect.columns
    delimiter = roles.delimiter if roles else dialect.delimiter
    skip = roles.skip if roles else dialect.skip
    decimal = roles.decimal if roles else "."
    if dialect.header == "maybe":
        skip = 0 if first_lines(file, 1)[0][:1].isdigit() else 1
    if careful:
        return _careful_lines(path, name, columns, delimiter, skip, decimal)
    types = ", ".join(f"{quote_text(k)}: {quote_text(v)}" for k, v in columns.items())
    quote = "" if dialect.name == "mt5_quoted" else '"'
    return (
        f"select *, {name} from read_csv({path}, columns = {{{types}}}, delim = {quote_text(delimiter)}, header = false, "
        f"skip = {skip}, auto_detect = false, quote = {quote_text(quote)}, escape = {quote_text(quote)}, nullstr = '', "
        f"decimal_separator = {quote_text(decimal)}, strict_mode = true)"
    )


def _careful_lines(path: str, name: str, columns: dict[str, str], delimiter: str, skip: int, decimal: str) -> str:
    """Every line split by hand: a missing, surplus or unreadable field marks the row, nothing is dropped unseen."""
    fields, tests = [], [f"len(parts) <> {len(columns)}"]
    for place, (column, type) in enumerate(columns.items(), 1):
        text = f"nullif(trim(trim(parts[{place}]), '\"'), '')"
        if decimal == "," and type == "double":
            text = f"replace({text}, ',', '.')"
        if type == "varchar":
            fields.append(f"{text} as {quote_name(column)}")
        else:
            fields.append(f"try_cast({text} as {type}) as {quote_name(column)}")
            tests.append(f"({text} is not null and try_cast({text} as {type}) is null)")
    return (
        f"select {', '.join(fields)}, raw, {' or '.join(tests)} as unreadable, {name} from ("
        f"select raw, string_split(raw, {quote_text(delimiter)}) as parts from ("
        f"select rtrim(line, chr(13)) as raw, row_number() over () as line_number from read_csv({path}, "
        "columns = {'line': 'varchar'}, delim = '\\x02', header = false, auto_detect = false, quote = '', escape = '', "
        "strict_mode = false, null_padding = false, max_line_size = 10000000)"
        f") where line_number > {skip} and raw is not null and trim(raw) <> '')"
    )


def describe(form: Format) -> dict[str, Any]:
    """What a report says of the format."""
    return {"dialect": form.dialect.name} | ({"columns": form.roles.shown()} if form.roles else {})
