"""``duckcli backtest``: run strategies and read results."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import duckbt
from duckbt.cli import proof, show
from duckbt.cli.estimate import show_estimate
from duckbt.cli.indicators import indicators
from duckbt.cli.options import (
    FromOption,
    JsonOption,
    LakeOption,
    MemoryOption,
    ParamsOption,
    ResultsOption,
    RunArgument,
    SilentOption,
    Style,
    StyleOption,
    SymbolsOption,
    ThreadsOption,
    ToOption,
    WarmupOption,
    pairs,
    target,
)
from duckbt.cli.progress import progress_of_run
from duckbt.engine.script import write_script
from duckbt.errors import DuckbtError
from duckbt.lake.moment import moment
from duckbt.lake.store import Lake
from duckbt.results.folder import LATEST, list_runs
from duckbt.results.prepared import Prepared, Settings, prepare
from duckbt.results.run import Run, run_backtest, scan_bars


class _Commands(TyperGroup):
    """In the order of their use; those for experiments are loaded, with all that they import, when they are asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        known = [*super().list_commands(ctx), *LATER]
        return sorted(known, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in LATER:
            return super().get_command(ctx, cmd_name)
        command = typer.main.get_command(import_module(f"duckbt.cli.{cmd_name}").app)
        command.name = cmd_name
        return command


LATER = ("sweep", "batch")
ORDER = ("new", "run", "list", "show", "report", "compare", "verify", "sweep", "batch", "indicators", "audit", "scan", "sql")
app = typer.Typer(cls=_Commands, no_args_is_help=True, help="Run strategies on the lake and read the results.")
app.command("verify")(proof.verify_run)
app.command("compare")(proof.compare)
app.command("report")(proof.report)
StrategyArgument = Annotated[Path, typer.Argument(help="Strategy file (TOML).")]
HEADLINES = (
    "trades", "win_rate", "net_pnl", "return_pct", "profit_factor", "expectancy_r", "max_drawdown", "max_drawdown_days",
    "sharpe", "sortino", "cagr", "exposure", "avg_bars_held", "end_of_data_trades", "ambiguous_trades",
)  # fmt: skip
TRADE_COLUMNS = (
    "trade_id", "symbol", "direction", "entry_ts", "entry_price", "exit_ts", "exit_price", "exit_reason", "pnl",
    "r_multiple", "bars_held",
)  # fmt: skip


@app.command("run")
def run(
    strategy: Annotated[Path | None, typer.Argument(help="Strategy file (TOML). Default: the sample strategy.")] = None,
    lake: LakeOption = Path("lake"),
    symbols: SymbolsOption = None,
    first: FromOption = None,
    last: ToOption = None,
    warmup: WarmupOption = 0,
    params: ParamsOption = None,
    results: ResultsOption = Path("results"),
    json: JsonOption = False,
    force: Annotated[bool, typer.Option("--force", help="Compute again even if this very run is there already.")] = False,
    threads: ThreadsOption = None,
    memory_limit: MemoryOption = None,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="Use one thread; results are the same bytes with any number.")
    ] = False,
    profile_allocations: Annotated[
        bool, typer.Option("--profile-allocations", help="Count Python's allocations during the scan, for report.json.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Only show what would run: stages, rows, expected memory and time.")
    ] = False,
    progress: StyleOption = Style.auto,
    no_progress: SilentOption = False,
) -> None:
    """Backtest a strategy and store trades, signals, equity and metrics in a run folder."""
    if strategy is None:
        from duckbt.lake.sample import make_sample_lake, sample_strategy  # ingest is needed for nothing else here

        strategy = sample_strategy()
        if not Lake(lake).datasets():
            show.err.print(f"The lake {lake} is empty: filling it with the sample data (synthetic prices).")
            make_sample_lake(Lake(lake))
    prepared = _prepare(strategy, lake, symbols, first, last, warmup, params)
    settings = Settings(threads, memory_limit, force, deterministic, profile_allocations)
    if explain:
        show_estimate(prepared.estimate, settings, json)
        return
    with progress_of_run(progress, no_progress, json) as listener:
        done = run_backtest(prepared, results, settings, listener)
    tell_run(done, json)


@app.command("sql")
def sql(
    strategy: StrategyArgument,
    lake: LakeOption = Path("lake"),
    symbols: SymbolsOption = None,
    first: FromOption = None,
    last: ToOption = None,
    warmup: WarmupOption = 0,
    params: ParamsOption = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write to a file instead of the terminal.")] = None,
) -> None:
    """Print the whole run as one SQL script that the plain DuckDB shell executes."""
    prepared = _prepare(strategy, lake, symbols, first, last, warmup, params)
    text = write_script(prepared.plan, prepared.file.strategy.name, duckbt.__version__)
    if out:
        target(out).write_text(text, encoding="utf-8")
    else:
        typer.echo(text)


@app.command("scan")
def scan(
    strategy: StrategyArgument,
    lake: LakeOption = Path("lake"),
    symbols: SymbolsOption = None,
    first: FromOption = None,
    last: ToOption = None,
    params: ParamsOption = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Parquet file to write.")] = Path("scan.parquet"),
    json: JsonOption = False,
    threads: ThreadsOption = None,
    memory_limit: MemoryOption = None,
) -> None:
    """Write every bar with the strategy's indicators and signals to Parquet, one row per bar."""
    prepared = _prepare(strategy, lake, symbols, first, last, 0, params)
    bars = scan_bars(prepared, target(out), Settings(threads, memory_limit))
    if json:
        show.print_json({"path": str(out), "bars": bars, "indicators": prepared.program.indicator_columns})
    else:
        show.out.print(f"{bars:,} bars with {', '.join(prepared.program.indicator_columns) or 'no indicators'} → {out}")


@app.command("audit")
def audit(
    strategy: StrategyArgument,
    lake: LakeOption = Path("lake"),
    symbols: SymbolsOption = None,
    first: FromOption = None,
    last: ToOption = None,
    warmup: WarmupOption = 0,
    params: ParamsOption = None,
    cuts: Annotated[int, typer.Option("--cuts", min=2, help="How many runs on shortened data to compare.")] = 8,
    json: JsonOption = False,
    threads: ThreadsOption = None,
    memory_limit: MemoryOption = None,
) -> None:
    """Prove that a strategy does not know the future: cut the data and see whether anything before the cut changes."""
    from duckbt.cli import lookahead
    from duckbt.results.lookahead import look_ahead

    given = (pairs(params, "--param"), moment(first, "--from"), moment(last, "--to"), warmup)
    found = look_ahead(strategy, lake, symbols or (), *given, cuts, Settings(threads, memory_limit))
    if json:
        show.print_json(lookahead.document(found))
    else:
        lookahead.report(found)
    if not found.clean:
        raise typer.Exit(1)


@app.command("list")
def list_results(results: ResultsOption = Path("results"), json: JsonOption = False) -> None:
    """Show all runs, newest first."""
    runs = [Run(path) for path in list_runs(results)]
    if json:
        show.print_json([_document(r) for r in runs])
        return
    if not runs:
        show.out.print(f"No runs in {results} yet. `duckcli backtest run` makes one.")
        return
    rows = []
    for r in runs:
        m = r.metrics
        rows.append(
            (r.run_id[:8], r.manifest.name, r.manifest.timeframe, ",".join(r.manifest.selection.symbols[:3])
             + ("…" if len(r.manifest.selection.symbols) > 3 else ""), _params(r.manifest.parameters), m["trades"],
             m["net_pnl"], m["sharpe"], m["max_drawdown"], r.manifest.created_at)
        )  # fmt: skip
    show.table(
        ("run", "strategy", "bars", "symbols", "parameters", "trades", "net pnl", "sharpe", "max drawdown", "made"), rows
    )


@app.command("show")
def show_run(
    run: RunArgument = LATEST,
    results: ResultsOption = Path("results"),
    json: JsonOption = False,
    trades: Annotated[int, typer.Option("--trades", help="Also show that many trades.")] = 0,
    provenance: Annotated[
        bool, typer.Option("--provenance", help="Show every file it hangs on, from the raw ones on, with sha256 and state.")
    ] = False,
) -> None:
    """Show one run: its metrics in all, by direction and by symbol."""
    found = Run.find(run, results)
    if provenance:
        proof.show_provenance(found, json)
        return
    if json:
        show.print_json(_document(found) | {"manifest": found.manifest.model_dump(mode="json")})
        return
    _summary(found, scopes=True)
    if trades:
        relation = found.trades.order("trade_id").limit(trades)
        show.table(TRADE_COLUMNS, relation.project(", ".join(TRADE_COLUMNS)).fetchall(), title="trades")


app.command("indicators")(indicators)


@app.command("new")
def new(name: Annotated[str, typer.Argument(help="Name of the strategy; the file gets .toml behind it.")]) -> None:
    """Write a strategy file to start from."""
    from duckbt.strategy.starter import write_starter

    path = write_starter(name)
    show.out.print(f"{path} written. Edit it, then: duckcli backtest run {path}")


def _prepare(
    strategy: Path,
    lake: Path,
    symbols: list[str] | None,
    first: str | None,
    last: str | None,
    warmup: int,
    params: list[str] | None,
) -> Prepared:
    return prepare(
        strategy, lake, symbols or (), pairs(params, "--param"), moment(first, "--from"), moment(last, "--to"), warmup
    )


def tell_run(run: Run, json: bool) -> None:
    """A finished run, for people or for machines."""
    if json:
        show.print_json(_document(run))
    else:
        _summary(run)


def _document(run: Run) -> dict[str, Any]:
    report = run.performance
    return {
        "run_id": run.run_id,
        "path": str(run.path),
        "bars": report.candle_count,
        "signals": report.signal_count,
        "trades": report.trade_count,
        "metrics": run.metrics,
        "timings": report.timings,
    }


def _params(parameters: dict[str, Any]) -> str:
    return " ".join(f"{k}={v}" for k, v in parameters.items())


def _summary(run: Run, scopes: bool = False) -> None:
    manifest, report = run.manifest, run.performance
    shown = ", ".join(manifest.selection.symbols[:6]) + (" …" if len(manifest.selection.symbols) > 6 else "")
    show.out.print(f"[bold]{manifest.name}[/] {_params(manifest.parameters)}")
    show.out.print(
        f"{shown} {manifest.timeframe} · {report.candle_count:,} bars · {report.signal_count:,} signals · "
        f"{report.trade_count:,} trades · {report.total_duration_sec:.2f} s"
        + ("" if run.fresh or scopes else " · was there already (--force computes it again)")
    )
    names = ["all", "long", "short"] + (manifest.selection.symbols if scopes and len(manifest.selection.symbols) > 1 else [])
    columns = {}
    for name in names:
        try:
            columns[name] = run.metrics_of(name)
        except DuckbtError:
            continue
    wanted = list(columns["all"]) if scopes else HEADLINES
    show.table(("", *columns), [(m, *(c.get(m) for c in columns.values())) for m in wanted if m in columns["all"]])
    show.out.print(f"results: {run.path}")
