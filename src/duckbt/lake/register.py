"""Parquet that already lies somewhere: registered in the lake and read in place, never copied."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb

import duckbt
from duckbt.errors import DataError, UsageError
from duckbt.lake.generic import roles_of
from duckbt.lake.ingest import expand
from duckbt.lake.manifest import MANIFEST, DataFile, Gaps, Manifest, Rejected, schema_fingerprint, sha256_of, write_json
from duckbt.lake.prepare import Readable
from duckbt.lake.store import Lake
from duckbt.lake.timeframe import Timeframe
from duckbt.sqlfiles import connect, quote_name, quote_text, render

_HIVE = re.compile(r"(?:^|/)(?:symbol|ticker|pair|instrument)=([^/]+)/", re.IGNORECASE)
_NAME = re.compile(r"(?P<symbol>[A-Za-z0-9.=^&+-]+?)_(?P<timeframe>[MHDmhd]\d+|\d+[mhd])(?=[_.]|$)")


@dataclass
class _Slice:
    """The rows of one symbol in one file."""

    file: Path
    columns: dict[str, str]
    row: dict[str, Any]


def register(
    paths: Sequence[str | Path],
    lake: Lake,
    symbol: str | None = None,
    timeframe: Timeframe | None = None,
    columns: dict[str, str] | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> list[Manifest]:
    """Register Parquet files in place, one dataset per symbol found in them.

    ``symbol``/``timeframe`` where column, folder (``symbol=…/``) and file name do not tell; ``columns``: role → column.
    Files that are unsorted or repeat timestamps are registered too: runs sort them first, and the manifest says so.
    Raises DataError for files that hold no bars.
    """
    files = [p for p in expand(paths) if p.suffix.lower() in (".parquet", ".pq")]
    if not files:
        raise DataError("no Parquet files among the paths; `duckcli data ingest` reads CSV and other formats")
    slices: dict[str, list[_Slice]] = {}
    digests: dict[Path, str] = {}
    with connect() as connection:
        for number, file in enumerate(files):
            if progress:
                progress(file.name, number / len(files))
            for part in _inspect(connection, file, symbol, columns or {}):
                slices.setdefault(str(part.row["symbol"]), []).append(part)
            digests[file] = sha256_of(file)
    manifests = [_manifest(name, parts, digests, timeframe) for name, parts in sorted(slices.items())]
    for manifest in manifests:
        folder = lake.folder(manifest.symbol, Timeframe(manifest.timeframe))
        old = lake.find(manifest.symbol, Timeframe(manifest.timeframe))
        if old is not None and not old.manifest.in_place:
            raise DataError(
                f"{manifest.symbol} {manifest.timeframe} is already in the lake {lake.root}, ingested from files"
            )
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / MANIFEST, manifest.model_dump_json(indent=1))
    return manifests


def _inspect(connection: duckdb.DuckDBPyConnection, file: Path, symbol: str | None, columns: dict[str, str]) -> list[_Slice]:
    if not file.is_file():
        raise DataError(f"{file}: no such file")
    roles = roles_of(connection, Readable(file.name, file, "parquet"), columns)
    named = roles.columns["symbol"]
    hive = _HIVE.search(file.as_posix())
    match = _NAME.search(file.name)
    told = symbol or (hive[1] if hive else None)
    if told is None and named is None:
        if match is None:
            raise DataError(f"{file}: the symbol cannot be told from column, folder or name; give it with --symbol")
        told = match["symbol"]
    plain = {"ts": roles.time_sql()} | {
        r: f"{quote_name(roles.columns[r] or '')}::double" for r in ("open", "high", "low", "close")
    }
    query = render(
        "00_ingest/inspected.sql.j2",
        file=str(file),
        symbol=quote_text(told) if told else f"{quote_name(named or '')}::varchar",
        seconds=60,
        **plain,
    )
    try:
        cursor = connection.execute(query)
        names = [d[0] for d in cursor.description or []]
        rows = [dict(zip(names, r, strict=True)) for r in cursor.fetchall()]
    except duckdb.Error as error:
        raise DataError(f"{file}: {str(error).splitlines()[0]}") from None
    if not rows:
        raise DataError(f"{file} has no rows")
    volume = roles.columns["volume"]
    mapping = plain | {"volume": f"{quote_name(volume)}::double" if volume else "null::double"}
    if told is None and len(rows) > 1:
        mapping["symbol"] = f"{quote_name(named or '')}::varchar"
    wanted = {"ts": "TIMESTAMP"} | dict.fromkeys(("open", "high", "low", "close", "volume"), "DOUBLE")
    plain_already = "symbol" not in mapping and all(roles.types.get(k) == t for k, t in wanted.items())
    return [_Slice(file, {} if plain_already else mapping, row) for row in rows]


def _manifest(symbol: str, parts: list[_Slice], digests: dict[Path, str], timeframe: Timeframe | None) -> Manifest:
    parts = sorted(parts, key=lambda p: (p.row["first_ts"] or datetime.max, str(p.file)))
    if len({tuple(sorted(p.columns.items())) for p in parts}) > 1:
        raise DataError(f"{symbol}: its files have different columns; register them one by one under different symbols")
    rows = [p.row for p in parts]
    broken = sum(r["broken"] for r in rows)
    repeats = sum(r["repeats"] for r in rows)
    backward = sum(r["backward_steps"] for r in rows)
    scattered = any(r["last_row"] - r["first_row"] + 1 != r["rows"] for r in rows)
    overlap = any(b["first_ts"] <= a["last_ts"] for a, b in pairwise(rows) if a["last_ts"])
    ordered = not (broken or repeats or backward or scattered or overlap)
    notes, kept = [], sum(r["rows"] for r in rows)
    columns = parts[0].columns or {}
    if not ordered:
        kept, removed = _usable(parts)
        causes = {"repeated timestamps": repeats, "backward steps": backward, "rows that are no bars": broken}
        shown = [f"{n:,} {w}" for w, n in causes.items() if n]
        shown += ["rows of several symbols mixed"] if scattered else []
        shown += ["files that overlap in time"] if overlap else []
        notes.append(
            f"{', '.join(shown)}: every run sorts and cleans these bars first, which is slower. "
            "`duckcli data ingest` rewrites them once."
        )
        broken_or_repeated = removed
    else:
        broken_or_repeated = 0
    name = _NAME.search(parts[0].file.name)
    step = rows[0]["step"]
    try:
        bar = timeframe or (Timeframe(name["timeframe"]) if name else Timeframe.of_seconds(int(step or 0)))
    except UsageError as error:
        raise DataError(f"{symbol}: {error}; give the timeframe with --timeframe") from None
    files = []
    for part in parts:
        state = part.file.stat()
        files.append(
            DataFile(path=str(part.file.resolve()), sha256=digests[part.file], bytes=state.st_size,
                     modified_ns=state.st_mtime_ns, rows=part.row["rows"], first_row=part.row["first_row"],
                     first_ts=part.row["first_ts"], last_ts=part.row["last_ts"])
        )  # fmt: skip
    firsts = [r["first_ts"] for r in rows if r["first_ts"]]
    lasts = [r["last_ts"] for r in rows if r["last_ts"]]
    largest = max(rows, key=lambda r: r["largest_gap"])
    return Manifest(
        symbol=symbol, timeframe=str(bar), in_place=True, ordered=ordered, columns=columns, files=files,
        schema_fingerprint=schema_fingerprint(sorted(columns.items())), rows=kept,
        first_ts=min(firsts, default=None), last_ts=max(lasts, default=None),
        rejected=Rejected(rows=broken, reasons={"not a bar": broken} if broken else {}, samples=[]),
        out_of_order=backward, ohlc_violations=sum(r["violations"] for r in rows),
        gaps=Gaps(count=_gaps(parts, bar), largest_seconds=largest["largest_gap"]),
        notes=notes + ([f"{broken_or_repeated:,} rows are left out"] if broken_or_repeated else []),
        created_at=datetime.now(UTC).replace(tzinfo=None, microsecond=0), tool_version=duckbt.__version__,
    )  # fmt: skip


def _expressions(part: _Slice) -> dict[str, str]:
    names = ("ts", "open", "high", "low", "close", "volume")
    return {n: part.columns.get(n, n) for n in names}


def _usable(parts: list[_Slice]) -> tuple[int, int]:
    """(rows that are bars with distinct timestamps, rows left out)."""
    branches = [
        {"place": 0, "symbol": str(p.row["symbol"]), "columns": _expressions(p), "file": str(p.file),
         "only": p.columns.get("symbol")}
        for p in parts
    ]  # fmt: skip
    with connect() as connection:
        connection.execute(render("10_bars/ordered.sql.j2", branches=branches, name="bars"))
        kept = int(connection.execute("select count(*) from bars").fetchall()[0][0])
    return kept, sum(p.row["rows"] for p in parts) - kept


def _gaps(parts: list[_Slice], bar: Timeframe) -> int:
    """Steps longer than a bar; the inspection counted those longer than a minute."""
    if bar.seconds == 60:
        return int(sum(p.row["gaps"] for p in parts))
    total = 0
    with connect() as connection:
        for part in parts:
            ts = _expressions(part)["ts"]
            low, high = part.row["first_row"], part.row["last_row"]
            total += connection.execute(
                f"select count(*) from (select epoch(t - lag(t) over ()) as s from (select {ts} as t "
                f"from read_parquet({quote_text(part.file)}, file_row_number = true) "
                f"where file_row_number between {low} and {high})) where s > {bar.seconds}"
            ).fetchall()[0][0]
    return total
