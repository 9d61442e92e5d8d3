"""On what a run was computed: Python, system, processor, package versions."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict

import duckbt

PACKAGES = ("duckdb", "pyarrow", "polars", "numpy", "jinja2", "pydantic", "psutil")


class Environment(BaseModel):
    """Machine and software of one run. ``threads`` and ``memory_limit_mb`` are the engine's."""

    model_config = ConfigDict(extra="forbid")

    python: str
    implementation: str
    os: str
    machine: str
    cpu: str
    cores: int
    memory_mb: float
    packages: dict[str, str]
    threads: int
    memory_limit_mb: float


def environment(threads: int, memory_limit: int) -> Environment:
    """The environment of this process; ``memory_limit`` in bytes."""
    packages = {"duckbt": duckbt.__version__}
    for name in PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:  # an optional one
            continue
    return Environment(
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        os=platform.platform(),
        machine=platform.machine(),
        cpu=_processor(),
        cores=os.cpu_count() or 1,
        memory_mb=round(psutil.virtual_memory().total / 1e6, 1),
        packages=packages,
        threads=threads,
        memory_limit_mb=round(memory_limit / 1e6, 1),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())
