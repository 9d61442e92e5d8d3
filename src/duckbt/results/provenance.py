"""The chain of files a run hangs on, raw file → Parquet → run, each with its sha256, and whether it still holds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from duckbt.lake.manifest import sha256_of
from duckbt.results.folder import read_run_manifest
from duckbt.results.performance import read_report

RAW, PARQUET, RUN = "raw file", "Parquet", "run"


@dataclass(frozen=True)
class Link:
    """One file: what it is to the run, the sha256 on record, and its ``state``: as recorded, changed, missing."""

    kind: str
    of: str
    path: str
    sha256: str
    state: str

    @property
    def broken(self) -> bool:
        """Whether the run can no longer be made from what is there. Raw files may go: the lake has their bars."""
        return self.state != "as recorded" and self.kind != RAW

    def __str__(self) -> str:
        return f"{self.path} ({self.kind}, {self.of}): {self.state}"


def chain(run: Path) -> list[Link]:
    """All files of a run, from the raw ones to its own, each read and compared. Raises DataError for a damaged run."""
    manifest, report = read_run_manifest(run), read_report(run)
    wanted: list[tuple[str, str, str, str]] = []
    for used in manifest.datasets:
        of = f"{used.symbol} {used.timeframe}"
        wanted += [(RAW, of, source.path or source.name, source.sha256) for source in used.sources]
        wanted += [(PARQUET, of, path, sha256) for path, sha256 in used.files.items()]
    wanted += [(RUN, manifest.run_id, str(run / name), sha256) for name, sha256 in manifest.outputs.items()]
    wanted.append((RUN, manifest.run_id, str(run / "manifest.json"), report.manifest_sha256))
    wanted = list(dict.fromkeys(wanted))
    with ThreadPoolExecutor() as pool:
        states = pool.map(lambda w: _state(Path(w[2]), w[3]), wanted)
        return [Link(*w, state) for w, state in zip(wanted, states, strict=True)]


def _state(path: Path, sha256: str) -> str:
    try:
        return "as recorded" if sha256_of(path) == sha256 else "changed"
    except OSError:
        return "missing"
