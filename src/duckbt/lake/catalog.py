"""``catalog.duckdb`` of a lake: datasets, bars and audit as views, for the shell and BI tools. No data of its own."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

from duckbt.lake.store import Lake
from duckbt.sqlfiles import connect, quote_text, render

CATALOG = "catalog.duckdb"
STORAGE = "v1.4.0"  # older shells and BI tools can open it


def write_catalog(catalog: Path, statements: str) -> None:
    """Make a database of views beside and swap it in; readers of the old one are not disturbed."""
    beside = catalog.with_name(f".catalog.{uuid4().hex}.duckdb")
    try:
        with connect() as connection:
            connection.execute(f"attach {quote_text(beside)} as made (storage_version '{STORAGE}')")
            connection.execute("use made")
            connection.execute(statements).fetchall()
            connection.execute("use memory")
            connection.execute("detach made")
        os.replace(beside, catalog)
    finally:
        beside.unlink(missing_ok=True)


def refresh_catalog(lake: Lake) -> Path | None:
    """Write the lake's catalog anew; None for an empty lake. Paths are absolute, whoever reads it may stand anywhere.

    Files of the manifests before stay until the next change, so that a catalog which a crash left behind still reads.
    """
    datasets = lake.datasets()
    findings = [str((d.folder / d.manifest.audit).resolve()) for d in datasets if d.manifest.audit]
    if not findings:
        return None
    bars: dict[str, list[str]] = {}
    for dataset in datasets:
        if not dataset.manifest.in_place:
            bars.setdefault(str(dataset.timeframe), []).extend(str(dataset.path(f)) for f in dataset.manifest.files)
    statements = render(
        "80_catalog/lake.sql.j2", manifests=[str((d.folder / "manifest.json").resolve()) for d in datasets],
        findings=findings, bars=bars, summary=render("10_bars/audit_summary.sql"),
    )  # fmt: skip
    write_catalog(lake.root / CATALOG, statements)
    return lake.root / CATALOG
