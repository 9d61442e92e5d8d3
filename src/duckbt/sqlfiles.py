"""Finding and rendering the SQL files, from a wheel (``duckbt/_sql``) or from a checkout (``sql/``)."""

from __future__ import annotations

import functools
import hashlib
import re
from pathlib import Path
from typing import Any

import duckdb
import jinja2

_MARKER = "20_indicators"
# How bars are written: the encodings of Parquet's second version make files a quarter smaller, and quicker to read.
BARS_AS_PARQUET = "format parquet, parquet_version v2, compression zstd, compression_level 1"


@functools.cache
def sql_root() -> Path:
    """The folder that holds the SQL stages: inside the package when installed, else the checkout's ``sql/``.

    Raises RuntimeError when neither is there, which means a broken installation.
    """
    package = Path(__file__).resolve().parent
    for candidate in (package / "_sql", package.parent.parent / "sql"):
        if (candidate / _MARKER).is_dir():
            return candidate
    raise RuntimeError(f"duckbt's SQL files are missing beside {package}; reinstall duckbt")


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(sql_root()),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    environment.filters["text"] = quote_text
    environment.filters["name"] = quote_name
    return environment


def quote_text(value: object) -> str:
    """A SQL string literal."""
    return "'" + str(value).replace("'", "''") + "'"


_PLAIN = re.compile(r"[a-z_][a-z0-9_]*\Z")


def connect(database: Path | str = ":memory:") -> duckdb.DuckDBPyConnection:
    """A DuckDB connection that prints nothing: its progress bar would end up on stdout, between results."""
    connection = duckdb.connect(str(database))
    connection.execute("set enable_progress_bar = false")
    return connection


@functools.cache
def _keywords() -> frozenset[str]:
    """Words that are no plain identifiers in DuckDB's grammar."""
    with connect() as connection:
        rows = connection.execute("select keyword_name from duckdb_keywords() where keyword_category <> 'unreserved'")
        return frozenset(row[0] for row in rows.fetchall())


def quote_name(name: str) -> str:
    """A SQL identifier, quoted only where it must be."""
    return name if _PLAIN.match(name) and name not in _keywords() else '"' + name.replace('"', '""') + '"'


def read_sql(path: str) -> str:
    """Text of one SQL file, ``path`` relative to the SQL folder."""
    return (sql_root() / path).read_text(encoding="utf-8")


def render(path: str, **values: Any) -> str:
    """Render a ``.sql.j2`` template (or return a plain ``.sql`` file), without trailing blank or semicolon."""
    text = _environment().get_template(path).render(**values) if path.endswith(".j2") else read_sql(path)
    return text.strip().rstrip(";").rstrip()


@functools.cache
def sql_fingerprint() -> str:
    """sha256 over all SQL files: part of the engine version, because they decide results."""
    digest = hashlib.sha256()
    for file in sorted(p for p in sql_root().rglob("*.sql*") if p.is_file()):
        digest.update(file.relative_to(sql_root()).as_posix().encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
