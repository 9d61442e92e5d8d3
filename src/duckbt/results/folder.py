"""Run folders: written beside their final place, renamed into it whole, found again by id."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

from duckbt.errors import DataError, UsageError
from duckbt.results.manifest import RunManifest

RUNS = "runs"
LATEST = "latest"  # stands for the newest run or sweep; ids are hexadecimal, so none is called that
SWEEPS = "sweeps"
TABLES = {
    "trades": (
        "trade_id, symbol, direction, signal_ts, entry_ts, entry_price, exit_ts, exit_price, exit_reason, gap, "
        "same_bar_ambiguous, stop_price, target_price, quantity, gross_pnl, costs, pnl, return_pct, r_multiple, "
        "bars_held, mae, mfe, equity_after, mae_r, mfe_r, spread_cost, slippage_cost, commission, financing, entry_fill, "
        "exit_fill, legs, pnl_if_other_first, mae_bars, mfe_bars",
        "trade_id",
    ),
    "legs": (
        "trade_id, leg, symbol, direction, entry_ts, entry_price, exit_ts, exit_price, exit_reason, quantity, "
        "gross_pnl, costs",
        "trade_id, leg",
    ),
    "equity": ("ts, equity, drawdown, open_positions, exposed", "ts"),
    "drawdowns": ("number, peak_ts, trough_ts, recovery_ts, depth, days_down, days", "number"),
    "calendar": ("period, begins, equity, return_pct, trades, pnl", "period, begins"),
    "metrics": ("scope, name, value", "scope, name"),
}


def run_path(results: Path, run_id: str) -> Path:
    """Final place of a run."""
    return results / RUNS / f"run_id={run_id}"


def is_done(path: Path) -> bool:
    """A published run has its manifest."""
    return (path / "manifest.json").is_file()


@contextmanager
def staging(results: Path) -> Iterator[Path]:
    """A hidden folder for a run being made; removed in any case, so that a crash leaves at most hidden rubbish."""
    try:
        (results / ".staging").mkdir(parents=True, exist_ok=True)
        folder = Path(mkdtemp(dir=results / ".staging", prefix=f"{platform.node()}-{os.getpid()}-"))
    except OSError as error:
        raise UsageError(f"cannot write results below {results}: {error.strerror}") from None
    sweep_stale(results)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep_stale(results: Path) -> None:
    """Remove staging folders of this machine whose process is gone; a run one of them was replacing goes back."""
    for folder in (results / ".staging").glob(f"{platform.node()}-*"):
        pid = folder.name.removeprefix(f"{platform.node()}-").partition("-")[0]
        if pid.isdigit() and int(pid) != os.getpid() and not _alive(int(pid)):
            for old in folder.glob("replaced/run_id=*"):
                with suppress(OSError):  # the new one is in place
                    os.rename(old, results / RUNS / old.name)
            shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def publish(folder: Path, final: Path, replace: bool) -> bool:
    """Move a finished folder into place. False when another process was first (its result is the same).

    With ``replace`` a run that is there makes room for it; several processes may do so at once.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    aside = folder.parent / "replaced" / final.name
    while True:
        try:
            os.rename(folder, final)
            break
        except OSError:
            if not is_done(final):
                raise
            if not replace:
                return False
            aside.parent.mkdir(exist_ok=True)
            shutil.rmtree(aside, ignore_errors=True)
            with suppress(FileNotFoundError):  # another process moved it away first
                os.rename(final, aside)
    shutil.rmtree(aside.parent, ignore_errors=True)
    return True


def find_run(results: Path, run: str) -> Path:
    """The folder of a run given by id, by the beginning of its id, by path, or as ``latest``. Raises DataError."""
    if Path(run).is_dir() and is_done(Path(run)):
        return Path(run)
    known = list_runs(results)
    if found := meant(run, known, "runs"):
        return found
    hint = f"`duckcli backtest list` shows the {len(known)} there are" if known else "`duckcli backtest run` makes one"
    raise DataError(f"no run {run!r} in {results}; {hint}")


def meant(wanted: str, known: Sequence[Path], kind: str) -> Path | None:
    """Of folders, newest first, the one whose id begins so, or the ``latest``. Raises DataError where several do."""
    ids = {path.name.removeprefix("run_id="): path for path in known}
    matches = list(ids)[:1] if wanted == LATEST else [name for name in ids if name.startswith(wanted)]
    if len(matches) > 1:
        raise DataError(f"{wanted!r} fits {len(matches)} {kind}: {', '.join(matches[:5])}")
    return ids[matches[0]] if matches else None


def list_runs(results: Path) -> list[Path]:
    """All published runs, newest first."""
    found = [p for p in (results / RUNS).glob("run_id=*") if is_done(p)]
    return sorted(found, key=lambda p: (p / "manifest.json").stat().st_mtime, reverse=True)


def read_run_manifest(path: Path) -> RunManifest:
    """The manifest of a published run. Raises DataError when it is missing or damaged."""
    file = path / "manifest.json"
    try:
        return RunManifest.model_validate_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path} is no run folder: it has no manifest.json") from None
    except ValueError as error:
        raise DataError(f"{file} is no manifest of a run: {str(error).splitlines()[0]}; run the strategy again") from None
