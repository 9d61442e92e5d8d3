"""``duckcli data``: getting bars into the lake and looking at what is there."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from duckbt.cli import datatables, show
from duckbt.cli.options import JsonOption, LakeOption, MemoryOption, ProgressOption, pairs, timeframe
from duckbt.lake.clock import parse_anchor
from duckbt.lake.dialects import dialects
from duckbt.lake.findings import Audit
from duckbt.lake.ingest import Options, Report, ingest
from duckbt.lake.register import register
from duckbt.lake.resample import resample
from duckbt.lake.sample import make_sample_lake
from duckbt.lake.store import Lake
from duckbt.lake.timeframe import Timeframe

app = typer.Typer(no_args_is_help=True, help="Get market data into the lake and look at it.")
FilesArgument = Annotated[list[str], typer.Argument(help="Files, folders or globs such as 'data/*_M1.csv'.")]
ColumnsOption = Annotated[
    str | None,
    typer.Option(
        "--columns", help="What columns mean where names do not tell, and extra ones to keep: ts=when,spread=Spread."
    ),
]
SymbolOption = Annotated[str | None, typer.Option("--symbol", "-s", help="Symbol, where the file does not tell.")]
TimeframeOption = Annotated[str | None, typer.Option("--timeframe", "-t", help="Bar length, as in 1m, 1h, 1d.")]


@app.command("ingest")
def ingest_files(
    files: FilesArgument,
    symbol: SymbolOption = None,
    bar: TimeframeOption = None,
    lake: LakeOption = Path("lake"),
    format: Annotated[str, typer.Option("--format", help="Dialect of the files (see `data formats`), or auto.")] = "auto",
    timezone: Annotated[
        str | None, typer.Option("--timezone", help="Clock of the timestamps: UTC, -05:00, America/New_York, broker:EET-EU.")
    ] = None,
    time_format: Annotated[
        str | None, typer.Option("--time-format", help="How times are written where it cannot be told: '%d/%m/%Y %H:%M'.")
    ] = None,
    columns: ColumnsOption = None,
    prefer: Annotated[str | None, typer.Option("--prefer", help="Who wins where bars differ: old or new.")] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at any file that cannot be read and any row that is not a tidy bar.")
    ] = False,
    memory_limit: MemoryOption = None,
    json: JsonOption = False,
    progress: ProgressOption = True,
) -> None:
    """Read raw files (CSV, JSON, zip, Arrow, Parquet) into the lake, and say what was found in them."""
    options = Options(
        symbol=symbol, timeframe=timeframe(bar), format=format, timezone=timezone, time_format=time_format,
        columns=_columns(columns), strict=strict, prefer=prefer, memory_limit=memory_limit,
    )  # fmt: skip
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
    with show.progress_bar(progress and not json) as bar_shown:
        manifests = register(files, Lake(lake), symbol, timeframe(bar), _columns(columns), bar_shown)
    if json:
        show.print_json([m.model_dump(mode="json") for m in manifests])
        return
    datatables.datasets(manifests)


@app.command("list")
def list_datasets(lake: LakeOption = Path("lake"), json: JsonOption = False) -> None:
    """Show what the lake holds."""
    found = Lake(lake)
    datasets = found.datasets()
    manifests = [d.manifest for d in datasets]
    if json:
        show.print_json([m.model_dump(mode="json") for m in manifests])
    elif not manifests:
        show.out.print(f"The lake {lake} is empty. `duckcli data sample` fills it with sample bars.")
    else:
        datatables.datasets(manifests)
        for dataset in datasets:
            if not found.up_to_date(dataset):
                show.out.print(
                    f"[yellow]{dataset.symbol} {dataset.timeframe}[/]: its finer bars have changed; `duckcli data resample "
                    f"{dataset.symbol} --to {dataset.timeframe}` makes it anew"
                )


@app.command("audit")
def audit(
    symbols: Annotated[list[str] | None, typer.Argument(help="Symbols; with one or more, every finding is listed.")] = None,
    lake: LakeOption = Path("lake"),
    check: Annotated[str | None, typer.Option("--check", help="List the findings of one check only, as in gaps.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Findings to list per check and dataset.")] = 20,
    json: JsonOption = False,
) -> None:
    """Show what is wrong with the bars: gaps, repeats, rejected rows, broken prices, spikes, flat runs, splits."""
    found = Audit(Lake(lake))
    summary = found.summary(symbols or ())
    findings = found.findings(symbols or (), check) if symbols or check else []
    if json:
        show.print_json({"datasets": summary, "findings": findings})
        return
    datatables.audit_summary(summary)
    if findings:
        datatables.audit_findings(findings, limit)


@app.command("resample")
def resample_bars(
    symbols: Annotated[list[str], typer.Argument(help="Symbols whose bars are to be made longer.")],
    to: Annotated[str, typer.Option("--to", help="Bar length to make, as in 15m, 4h, 1d.")],
    anchor: Annotated[
        str | None, typer.Option("--anchor", help="When a trading day begins: '17:00 America/New_York'. Default: 00:00 UTC.")
    ] = None,
    lake: LakeOption = Path("lake"),
    json: JsonOption = False,
) -> None:
    """Make longer bars out of finer ones and keep them in the lake."""
    at = parse_anchor(anchor) if anchor else None
    manifests = resample(Lake(lake), symbols, Timeframe(to), at)
    if json:
        show.print_json([m.model_dump(mode="json") for m in manifests])
    else:
        datatables.datasets(manifests)


@app.command("formats")
def formats(lake: LakeOption = Path("lake"), json: JsonOption = False) -> None:
    """List the dialects of raw files that are understood; `<lake>/dialects` may hold more."""
    known = dialects(Lake(lake).dialects)
    if json:
        show.print_json(
            [{"name": d.name, "title": d.title, "read": d.read, "clock": d.clock, "extras": list(d.extras)}
             for d in known.values()]
        )  # fmt: skip
        return
    for dialect in known.values():
        clock = "" if dialect.clock == "UTC" else f" Clock {dialect.clock}."
        extras = f" Extra columns: {', '.join(dialect.extras)}." if dialect.extras else ""
        show.out.print(f"[bold]{dialect.name:<15}[/] {escape(dialect.title)}{clock}{extras}")


@app.command("sample")
def sample(lake: LakeOption = Path("lake"), json: JsonOption = False, progress: ProgressOption = True) -> None:
    """Put the sample data (synthetic) into the lake."""
    with show.progress_bar(progress and not json) as bar_shown:
        report = make_sample_lake(Lake(lake), bar_shown)
    _report(report, json)


def _columns(text: str | None) -> dict[str, str]:
    return pairs(text.split(",") if text else None, "--columns")


def _report(report: Report, json: bool) -> None:
    if json:
        show.print_json(
            {
                "files": [asdict(f) for f in report.files],
                "datasets": [m.model_dump(mode="json") | asdict(c) for m, c in report.datasets],
                "failed": [{"file": n, "error": e} for n, e in report.failed],
            }
        )
    else:
        datatables.ingest_report(report)
