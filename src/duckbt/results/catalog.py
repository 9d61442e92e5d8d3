"""``catalog.duckdb``: views over all run and sweep folders, for the shell and BI tools. It holds no data of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from duckbt.lake.catalog import CATALOG, write_catalog
from duckbt.results.folder import RUNS, SWEEPS, TABLES
from duckbt.sqlfiles import render

VIEWS = ("trades", "signals", "equity", "drawdowns", "calendar", "metrics")  # of the tables that every run has
_KNOWN = re.compile(r"^-- columns: (.*)$", re.MULTILINE)


def refresh_catalog(results: Path, columns: Iterable[str] = ()) -> Path:
    """Write the catalog anew where it is out of date, and swap it in; readers of the old one are not disturbed.

    ``columns``: what a new run adds to ``signals``, a new sweep to ``combos``. Older DuckDBs hold a view to the columns
    it had when it was made, so new ones need a new catalog. The views' globs are absolute, because a relative one
    would depend on where the reader stands.
    """
    catalog, mark = results / CATALOG, results / ".catalog.sql"
    written = mark.read_text(encoding="utf-8") if catalog.exists() and mark.exists() else ""
    known = {c for line in _KNOWN.findall(written) for c in line.split(", ")}
    known |= {c for listed, _ in TABLES.values() for c in listed.split(", ")} | set(columns)
    text = render(
        "80_catalog/catalog.sql.j2", runs=_literally(results / RUNS), sweeps=_literally(results / SWEEPS), tables=VIEWS,
        has_runs=any((results / RUNS).glob("run_id=*/manifest.json")),
        has_sweeps=any((results / SWEEPS).glob("*/manifest.json")), columns=sorted(known),
    )  # fmt: skip
    if text == written:
        return catalog
    write_catalog(catalog, text)
    mark.write_text(text, encoding="utf-8")
    return catalog


def _literally(folder: Path) -> str:
    """For a glob: letters with a meaning there are meant as themselves."""
    return re.sub(r"([\[*?])", r"[\1]", str(folder.resolve()))
