"""``duckcli data``: getting bars into the lake and looking at what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from duckbt.cli import show
from duckbt.cli.options import JsonOption, LakeOption, ProgressOption, pairs, timeframe
from duckbt.lake.ingest import Options, Report, ingest
from duckbt.lake.manifest import Manifest
from duckbt.lake.register import register
from duckbt.lake.sample import make_sample_lake
from duckbt.lake.store import Lake

app = typer.Typer(no_args_is_help=True, help="Get market data into the lake and look at it.")
FilesArgument = Annotated[list[str], typer.Argument(help="Files, folders or globs such as 'data/*_M1.csv'.")]
ColumnsOption = Annotated[
    str | None, typer.Option("--columns", help="What columns mean where names do not tell: ts=when,open=o,…")
]
SymbolOption = Annotated[str | None, typer.Option("--symbol", "-s", help="Symbol, where the file does not tell.")]
TimeframeOption = Annotated[str | None, typer.Option("--timeframe", "-t", help="Bar length, as in 1m, 1h, 1d.")]


@app.command("ingest")
def ingest_files(
    files: FilesArgument,
    symbol: SymbolOption = None,
    bar: TimeframeOption = None,
    lake: LakeOption = Path("lake"),
    format: Annotated[str, typer.Option("--format", help="Dialect of the files, or auto.")] = "auto",
    timezone: Annotated[
        str | None, typer.Option("--timezone", help="Clock of the timestamps: UTC, -05:00, America/New_York, broker:EET-EU.")
    ] = None,
    columns: ColumnsOption = None,
    prefer: Annotated[str | None, typer.Option("--prefer", help="Who wins where bars differ: old or new.")] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at any row that would be dropped, sorted or is broken.")
    ] = False,
    json: JsonOption = False,
    progress: ProgressOption = True,
) -> None:
    """Read raw files (CSV, JSON, zip, Arrow, Parquet) into the lake, and say what was found in them."""
    options = Options(
        symbol, timeframe(bar), format, timezone, strict, pairs(columns.split(",") if columns else None, "--columns"), prefer
    )
    with show.progress_bar(progress and not json) as bar_shown:
        report = ingest(files, Lake(lake), options, bar_shown)
    _report(report, json)
    if report.failed:
        raise typer.Exit(4)


@app.command("add")
def add_files(
    files: FilesArgument,
    symbol: SymbolOption = None,
    bar: TimeframeOption = None,
    lake: LakeOption = Path("lake"),
    columns: ColumnsOption = None,
    json: JsonOption = False,
    progress: ProgressOption = True,
) -> None:
    """Register Parquet files where they lie. Nothing is copied; runs read them in place."""
    given = pairs(columns.split(",") if columns else None, "--columns")
    with show.progress_bar(progress and not json) as bar_shown:
        manifests = register(files, Lake(lake), symbol, timeframe(bar), given, bar_shown)
    if json:
        show.print_json([m.model_dump(mode="json") for m in manifests])
        return
    _datasets(manifests)
    for manifest in manifests:
        for note in manifest.notes:
            show.out.print(f"[yellow]{manifest.symbol}[/]: {note}")


@app.command("list")
def list_datasets(lake: LakeOption = Path("lake"), json: JsonOption = False) -> None:
    """Show what the lake holds."""
    manifests = [d.manifest for d in Lake(lake).datasets()]
    if json:
        show.print_json([m.model_dump(mode="json") for m in manifests])
    elif not manifests:
        show.out.print(f"The lake {lake} is empty. `duckcli data sample` fills it with sample bars.")
    else:
        _datasets(manifests)


@app.command("sample")
def sample(lake: LakeOption = Path("lake"), json: JsonOption = False, progress: ProgressOption = True) -> None:
    """Put the sample data (synthetic) into the lake."""
    with show.progress_bar(progress and not json) as bar_shown:
        report = make_sample_lake(Lake(lake), bar_shown)
    _report(report, json)


def _report(report: Report, json: bool) -> None:
    if json:
        show.print_json(
            {
                "datasets": [
                    m.model_dump(mode="json") | {"added": c.added, "absorbed": c.absorbed} for m, c in report.datasets
                ],
                "failed": [{"file": n, "error": e} for n, e in report.failed],
            }
        )
        return
    _datasets([m for m, _ in report.datasets])
    for manifest, change in report.datasets:
        if change.absorbed or change.replaced or change.kept_old:
            show.out.print(
                f"{manifest.symbol}: {change.added:,} bars added, {change.absorbed:,} were there already"
                + (f", {change.replaced:,} replaced" if change.replaced else "")
                + (f", {change.kept_old:,} differ and were left as they are" if change.kept_old else "")
            )
        for entry in manifest.rejected.samples[:3]:
            show.out.print(f"[yellow]{manifest.symbol}[/] row {entry['row']} rejected: {entry['reason']}: {entry['text']}")
    for name, error in report.failed:
        show.err.print(f"[red]not read[/] {name}: {error}", soft_wrap=True)


def _datasets(manifests: list[Manifest]) -> None:
    rows = [
        (m.symbol, m.timeframe, m.rows, m.first_ts, m.last_ts, m.duplicates.removed, m.rejected.rows, m.ohlc_violations,
         m.gaps.count, _span(m.gaps.largest_seconds), "in place" if m.in_place else m.timezone)
        for m in manifests
    ]  # fmt: skip
    show.table(
        (
            "symbol",
            "bars of",
            "bars",
            "first",
            "last",
            "repeats dropped",
            "rejected",
            "broken kept",
            "gaps",
            "largest",
            "clock",
        ),
        rows,
    )


def _span(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return "–"
