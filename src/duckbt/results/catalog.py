"""``catalog.duckdb``: views over all run folders, for the shell and BI tools. It holds no data of its own."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

from duckbt.results.folder import RUNS
from duckbt.sqlfiles import quote_text, render

CATALOG = "catalog.duckdb"
STORAGE = "v1.4.0"  # older shells and BI tools can open it


def refresh_catalog(results: Path) -> Path:
    """Write the catalog anew and swap it in; readers of the old one are not disturbed.

    The views' globs are absolute, because a relative one would depend on where the reader stands.
    """
    catalog = results / CATALOG
    text = render("80_catalog/catalog.sql.j2", runs=str((results / RUNS).resolve()))
    mark = results / ".catalog.sql"
    if catalog.exists() and mark.exists() and mark.read_text(encoding="utf-8") == text:
        return catalog
    beside = results / f".catalog.{os.getpid()}.duckdb"
    beside.unlink(missing_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"attach {quote_text(beside)} as made (storage_version '{STORAGE}')")
        connection.execute("use made")
        for statement in text.split(";\n"):
            if statement.strip():
                connection.execute(statement).fetchall()
        connection.execute("use memory")
        connection.execute("detach made")
    os.replace(beside, catalog)
    mark.write_text(text, encoding="utf-8")
    return catalog
