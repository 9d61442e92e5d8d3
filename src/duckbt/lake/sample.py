"""The sample data and strategy that come with duckbt: synthetic, so that the first command works anywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from duckbt.lake.ingest import Options, Report, ingest
from duckbt.lake.store import Lake


def sample_folder() -> Path:
    """Where the sample files lie: inside the package when installed, else in the checkout's ``data/sample``."""
    package = Path(__file__).resolve().parent.parent
    for candidate in (package / "_sample", package.parent.parent / "data" / "sample"):
        if candidate.is_dir():
            return candidate
    raise RuntimeError(f"duckbt's sample data is missing beside {package}; reinstall duckbt")


def sample_strategy() -> Path:
    """The sample strategy file."""
    return sample_folder() / "ema_cross.toml"


def make_sample_lake(lake: Lake, progress: Callable[[str, float], None] | None = None) -> Report:
    """Ingest the sample files. Doing it again changes nothing."""
    return ingest(sorted(sample_folder().glob("*.csv.gz")), lake, Options(), progress)
