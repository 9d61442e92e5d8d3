"""``catalog.duckdb``: views over all run folders, for the shell and BI tools. It holds no data of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from duckbt.lake.catalog import CATALOG, write_catalog
from duckbt.results.folder import RUNS, TABLES
from duckbt.sqlfiles import render

_KNOWN = re.compile(r"^-- columns: (.*)$", re.MULTILINE)


def refresh_catalog(results: Path, columns: Iterable[str] = ()) -> Path:
    """Write the catalog anew where it is out of date, and swap it in; readers of the old one are not disturbed.

    ``columns``: what a new run adds to ``signals``. Older DuckDBs hold a view to the columns it had when it was
    made, so new ones need a new catalog. The views' globs are absolute, because a relative one would depend on where
    the reader stands.
    """
    catalog, mark = results / CATALOG, results / ".catalog.sql"
    written = mark.read_text(encoding="utf-8") if catalog.exists() and mark.exists() else ""
    known = {c for line in _KNOWN.findall(written) for c in line.split(", ")}
    known |= {c for listed, _ in TABLES.values() for c in listed.split(", ")} | set(columns)
    runs = re.sub(r"([\[*?])", r"[\1]", str((results / RUNS).resolve()))  # such letters are meant as themselves
    text = render("80_catalog/catalog.sql.j2", runs=runs, columns=sorted(known))
    if text == written:
        return catalog
    write_catalog(catalog, text)
    mark.write_text(text, encoding="utf-8")
    return catalog
