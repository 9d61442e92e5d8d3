"""What a run was made of: enough to find its inputs, judge its settings, and make it again."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

import duckbt
from duckbt.compiler.program import Program
from duckbt.lake.manifest import MANIFEST
from duckbt.lake.store import Dataset
from duckbt.sqlfiles import sql_fingerprint
from duckbt.strategy.load import StrategyFile
from duckbt.strategy.model import Parameter


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RawFile(_Model):
    """A file that bars were made of: where it was read, its sha256, and the dialect it was read as."""

    name: str
    path: str = ""
    sha256: str
    dialect: str


class DatasetUsed(_Model):
    """The bars of one symbol: the lake's manifest and its digest, path and sha256 of every Parquet file, raw files."""

    symbol: str
    timeframe: str
    digest: str
    files: dict[str, str]
    manifest: str = ""
    sources: list[RawFile] = []


class IndicatorUsed(_Model):
    """A declared indicator: first defined bar, and bars until the start no longer shows (None: it always does)."""

    name: str
    expression: str
    columns: list[str]
    first_bar: int
    stable_after: int | None


class Selection(_Model):
    """Which bars of the lake a run uses."""

    symbols: list[str]
    first: datetime | None = None
    last: datetime | None = None
    warmup: int = 0


class RunManifest(_Model):
    """``manifest.json`` of a run folder."""

    version: Literal[1] = 1
    run_id: str
    name: str
    description: str
    timeframe: str
    parameters: dict[str, Parameter]
    selection: Selection
    datasets: list[DatasetUsed]
    strategy_sha256: str
    engine: str
    sql_sha256: str
    indicators: list[IndicatorUsed]
    indicator_names: list[str]
    outputs: dict[str, str]
    created_at: datetime
    tool_version: str


def datasets_used(datasets: list[Dataset]) -> list[DatasetUsed]:
    """Datasets as the manifest lists them."""
    return [
        DatasetUsed(
            symbol=d.symbol,
            timeframe=str(d.timeframe),
            digest=d.manifest.digest(),
            files={str(d.path(f)): f.sha256 for f in d.manifest.files},
            manifest=str((d.folder / MANIFEST).resolve()),
            sources=[RawFile(name=s.name, path=s.path, sha256=s.sha256, dialect=s.dialect) for s in d.manifest.sources],
        )
        for d in datasets
    ]


def run_identity(file: StrategyFile, parameters: dict[str, Parameter], selection: Selection, datasets: list[Dataset]) -> str:
    """The run id: a hash of everything that decides the result, and of nothing else."""
    parts: dict[str, Any] = {
        "strategy": file.fingerprint(),
        "parameters": parameters,
        "selection": selection.model_dump(mode="json"),
        "data": [d.manifest.digest() for d in datasets],
        "engine": duckbt.__version__,
        "sql": sql_fingerprint(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def indicators_used(program: Program) -> list[IndicatorUsed]:
    """Declared indicators with their warm-up."""
    return [
        IndicatorUsed(
            name=i.name, expression=i.expression, columns=i.columns, first_bar=i.first_bar, stable_after=i.stable_after
        )
        for i in program.indicators
    ]
