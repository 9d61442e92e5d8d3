"""Raw files → staged Parquet: the dialect found, columns read and named, every row kept in its place.

The fast way reads columns with their types. A file that does not hold to them is read again line by line, so that
every bad row can be counted and shown; good rows come out the same either way.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from duckbt.errors import DataError
from duckbt.lake.clock import Clock
from duckbt.lake.dialects import GENERIC, Dialect, dialect_named
from duckbt.lake.generic import Given, Roles, roles_of
from duckbt.lake.prepare import Readable, as_clean_text, blank_lines, first_lines
from duckbt.sqlfiles import BARS_AS_PARQUET, quote_name, quote_text, render

PRICES = ("ts", "open", "high", "low", "close", "volume")
_NULLS = ["", "NULL", "null", "NA", "N/A", "nan", "NaN", "None", "-"]
_DAWN, _DUSK = "timestamp '1800-01-01'", "timestamp '2200-01-01'"


@dataclass(frozen=True)
class Format:
    """How one file is read: its dialect; for ``generic``, what its columns mean; what stands above and around values."""

    dialect: Dialect
    roles: Roles | None = None
    extras: tuple[tuple[str, str], ...] = ()  # (name in the lake, the dialect's name)
    skip: int = 0
    quote: str = ""
    nulls: tuple[str, ...] = ("",)  # words for a missing value, as far as the first lines have them

    @property
    def own_symbols(self) -> bool:
        """Whether the file has a symbol column."""
        return self.roles is not None and self.roles.columns["symbol"] is not None

    def extra_names(self) -> list[str]:
        """Names of the extra columns in the lake."""
        return sorted(self.roles.extras) if self.roles else sorted(name for name, _ in self.extras)


@dataclass(frozen=True)
class RawFile:
    """A file that is ready to be read. ``number`` counts the sources of one ingest."""

    number: int
    file: Readable
    form: Format
    symbol: str | None
    clock: Clock

    def alike(self) -> str:
        """Files with the same text may be read together."""
        return repr((self.file.kind, self.form, self.clock, self.file.path.suffix == ".gz"))


@dataclass(frozen=True)
class Part:
    """Rows of raw files as staged Parquet. ``plain``: it has the lake's columns and nothing else, from one file."""

    path: Path
    rows: int
    sources: tuple[int, ...]
    plain: bool
    careful: bool


def find_format(
    connection: duckdb.DuckDBPyConnection, file: Readable, name: str, given: Given, known: dict[str, Dialect]
) -> Format:
    """Dialect of a file: the one named, else the one its content fits. Raises DataError or UsageError."""
    generic = known[GENERIC]
    if file.kind != "text":
        return Format(generic, roles_of(connection, file, given))
    lines = first_lines(file)
    if not lines:
        raise DataError(f"{file.name} has no lines")
    if name in ("auto", GENERIC):
        fitting = [] if name == GENERIC else [d for d in known.values() if d.fits(lines) and _offers(d, given)]
        if len(fitting) > 1:
            named = [d for d in fitting if d.file_name and d.file_name.search(file.name)]
            fitting = sorted(named or fitting, key=lambda d: _disorder(connection, file, d))
        dialect = fitting[0] if fitting else generic
    else:
        dialect = dialect_named(name, known)
        if not _offers(dialect, given):
            raise DataError(
                f"{file.name}: the dialect {name} has no columns but {', '.join(dialect.extras) or 'those of a bar'}"
            )
    blank = blank_lines(file)
    words = {field.strip(' "') for line in lines[1:] for field in re.split(r"[,;\t|]", line)}
    nulls = tuple(word for word in _NULLS if not word or word in words)
    if dialect is not generic:
        header = int(not lines[0][:1].isdigit()) if dialect.header == "maybe" else dialect.skip
        skip = blank + header if header else 0
        return Format(dialect, None, tuple(sorted(given.columns.items())), skip, dialect.quote, nulls)
    if lines[0].lstrip().startswith(("[", "{")):
        raise DataError(f"{file.name}: JSON of an unknown shape: {lines[0][:80]}")
    quote = '"' if any('"' in line for line in lines) else ""
    return Format(generic, roles_of(connection, file, given), (), blank + 1, quote, nulls)


def _offers(dialect: Dialect, given: Given) -> bool:
    return all(column in dialect.extras for column in given.columns.values())


def _disorder(connection: duckdb.DuckDBPyConnection, file: Readable, dialect: Dialect) -> float:
    """Share of the first rows whose high and low do not enclose open and close, read in that dialect."""
    query = _select([file], Format(dialect, skip=dialect.skip, quote=dialect.quote), careful=False)
    try:
        return float(
            connection.execute(
                "select coalesce(avg((low > least(open, close) or high < greatest(open, close))::int), 1) "
                f"from (select * from ({query}) limit 5000)"
            ).fetchall()[0][0]
        )
    except duckdb.Error:
        return 1.0


def stage(connection: duckdb.DuckDBPyConnection, files: Sequence[RawFile], out: Path) -> Part:
    """Write the rows of files that are alike to Parquet ``out``, in their order. Raises DataError.

    Columns: those of the lake; with several files also ``source``, and ``raw`` and ``unreadable`` where lines had to
    be read one by one. ``ts`` is UTC, except for clocks with daylight saving, which ``clock.to_utc`` turns later.
    """
    first = files[0]
    try:
        part = _copy(connection, files, out, careful=False)
        if first.file.kind != "text" or first.form.dialect.read == "json" or not _suspicious(connection, part, first.form):
            return part
    except duckdb.Error as error:
        if len(files) > 1 or first.file.kind != "text" or first.form.dialect.read == "json":
            raise DataError(f"{first.file.name}: {_first_line(error)}") from None
    if len(files) > 1:
        raise DataError("read them one by one")
    try:
        return _copy(connection, files, out, careful=True)
    except duckdb.Error:
        clean = as_clean_text(first.file, out.parent)
    try:
        return _copy(connection, [RawFile(first.number, clean, first.form, first.symbol, first.clock)], out, careful=True)
    except duckdb.Error as error:
        raise DataError(f"{first.file.name}: {_first_line(error)}") from None
    finally:
        clean.discard()


def _first_line(error: duckdb.Error) -> str:
    return str(error).splitlines()[0]


def _suspicious(connection: duckdb.DuckDBPyConnection, part: Part, form: Format) -> bool:
    """Whether times were not understood, or lines may have been swallowed by a stray quote in a symbol."""
    swallowed = " or contains(symbol, chr(10))" if form.own_symbols and form.quote else ""
    query = f"select exists (from read_parquet({quote_text(part.path)}) where ts is null{swallowed})"
    return bool(connection.execute(query).fetchall()[0][0])


def _copy(connection: duckdb.DuckDBPyConnection, files: Sequence[RawFile], out: Path, careful: bool) -> Part:
    form, clock = files[0].form, files[0].clock
    symbols = [quote_text(f.symbol) if f.symbol else "null" for f in files]
    told = _per_file(symbols, "varchar")
    columns = [f"{_per_file([str(f.number) for f in files], 'integer')} as source"] if len(files) > 1 else []
    moment = f"ts - to_seconds({clock.shift})" if clock.zone == "UTC" and clock.shift else "ts"
    columns += [
        f"{f'coalesce(symbol, {told})' if form.own_symbols else told}::varchar as symbol",
        f"case when ts between {_DAWN} and {_DUSK} then {moment} end as ts",
        *(f"{name}::double as {name}" for name in PRICES[1:]),
        *(f"{quote_name(name)}::double as {quote_name(name)}" for name in form.extra_names()),
        *(["raw", "unreadable"] if careful else []),
    ]
    if files[0].file.kind == "arrow":
        connection.register("arrow_file", files[0].file.arrow())
    try:
        rows = connection.execute(
            f"copy (select {', '.join(columns)} from ({_select([f.file for f in files], form, careful)})) "
            f"to {quote_text(out)} ({BARS_AS_PARQUET})"
        ).fetchall()[0][0]
    finally:
        if files[0].file.kind == "arrow":
            connection.unregister("arrow_file")
    return Part(out, int(rows), tuple(f.number for f in files), len(files) == 1 and not careful, careful)


def _per_file(values: list[str], type: str) -> str:
    """SQL for a value that depends on the file a row comes from."""
    return values[0] if len(set(values)) == 1 else f"([{', '.join(values)}]::{type}[])[file_index::bigint + 1]"


def _select(files: Sequence[Readable], form: Format, careful: bool) -> str:
    """The dialect's SELECT over ``lines``, the files' rows as named columns."""
    carried = ", file_index" + (", raw, unreadable" if careful else "")
    if form.roles:
        body = render("00_ingest/dialects/generic.sql.j2", columns=form.roles.sql())
        body = "\n".join(line for line in body.splitlines() if not line.startswith("--"))
    else:
        carried += "".join(f", {quote_name(c)} as {quote_name(n)}" for n, c in form.extras if n != c)
        body = form.dialect.sql
    return f"with lines as ({_lines(files, form, careful)}) " + re.sub(r"\nfrom ", f"{carried}\nfrom ", body, count=1)


def _lines(files: Sequence[Readable], form: Format, careful: bool) -> str:
    """SQL that yields the files' rows with the dialect's columns; with ``careful`` also ``raw`` and ``unreadable``."""
    paths = f"[{', '.join(quote_text(f.path) for f in files)}]"
    name = f"{_per_file([quote_text(f.name) for f in files], 'varchar')} as file_name"
    if files[0].kind == "parquet":
        return f"select *, file_index, {name} from read_parquet({paths}, hive_partitioning = false)"
    if files[0].kind == "arrow":
        return f"select *, 0 as file_index, {name} from arrow_file"
    dialect, roles = form.dialect, form.roles
    if dialect.read == "json":
        return (
            f"select json as item, file_index, {name} "
            f"from read_json_objects({paths}, format = 'array', maximum_object_size = 100000000)"
        )
    columns = roles.types if roles else dialect.columns
    delimiter = roles.delimiter if roles else dialect.delimiter
    decimal = roles.decimal if roles else "."
    if careful:
        return render(
            "00_ingest/split_lines.sql.j2", paths=paths, file_name=name, columns=columns, delimiter=delimiter,
            skip=form.skip, decimal=decimal, nulls=sorted({n.lower() for n in _NULLS}),
            positions={column: place for place, column in enumerate(columns, 1)},
        )  # fmt: skip
    types = ", ".join(f"{quote_text(k)}: {quote_text(v)}" for k, v in columns.items())
    return (
        f"select *, file_index, {name} from read_csv({paths}, columns = {{{types}}}, delim = {quote_text(delimiter)}, "
        f"header = false, skip = {form.skip}, auto_detect = false, quote = {quote_text(form.quote)}, "
        f"escape = {quote_text(form.quote)}, nullstr = [{', '.join(map(quote_text, form.nulls))}], "
        f"decimal_separator = {quote_text(decimal)}, strict_mode = true)"
    )
