"""The parts of a sweep put together: one row per parameter set, in order, whoever computed what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from duckbt.experiments.task import Task

if TYPE_CHECKING:
    from duckbt.experiments.sweep import SweepPlan

OWN = ("combo_id", "strategy", "symbols", "status", "error")


def merge_parts(
    plan: SweepPlan, tasks: Sequence[Task], work: Path, errors: Mapping[int, str]
) -> tuple[pa.Table, dict[str, str]]:
    """(combos, column of each parameter that had to be renamed).

    Columns: combo_id, strategy, symbols, every parameter, every metric, status (done or failed), error.
    """
    figures: dict[int, dict[str, Any]] = {}
    failed: dict[int, str] = {}
    metrics: list[str] = []
    for task in tasks:
        part = work / task.parts["figures"]
        if part.is_file():
            table = pq.ParquetFile(part).read()  # read_table brings pyarrow.dataset, which takes as long as a small sweep
            metrics = metrics or [c for c in table.column_names if c not in ("combo_id", "failure")]
            for row in table.to_pylist():
                number, failure = row.pop("combo_id"), row.pop("failure", None)
                if failure is None:
                    figures[number] = row
                else:
                    failed[number] = failure
        for number, _ in task.sets:
            if number not in figures:
                failed.setdefault(number, errors.get(task.number, "not computed"))
    names = list(dict.fromkeys(n for s in plan.simulations for n in s.parameters))
    renamed = {n: f"param_{n}" for n in names if n in metrics or n in OWN}
    columns: dict[str, pa.Array] = {
        "combo_id": pa.array([s.combo_id for s in plan.simulations], pa.int32()),
        "strategy": pa.array([plan.files[s.strategy].strategy.name for s in plan.simulations]),
        "symbols": pa.array([",".join(s.symbols) for s in plan.simulations]),
    }
    for name in names:
        columns[renamed.get(name, name)] = _parameter([s.parameters.get(name) for s in plan.simulations])
    for metric in metrics:
        columns[metric] = pa.array([figures.get(s.combo_id, {}).get(metric) for s in plan.simulations], pa.float64())
    columns["status"] = pa.array(["done" if s.combo_id in figures else "failed" for s in plan.simulations])
    columns["error"] = pa.array(
        [None if s.combo_id in figures else failed.get(s.combo_id) for s in plan.simulations], pa.string()
    )
    return pa.table(columns), renamed


def _parameter(values: Sequence[Any]) -> pa.Array:
    kinds = {type(v) for v in values if v is not None}
    if kinds <= {bool}:
        return pa.array(values, pa.bool_())
    if kinds <= {int}:
        return pa.array(values, pa.int64())
    if kinds <= {int, float}:
        return pa.array(values, pa.float64())
    return pa.array([None if v is None else str(v) for v in values], pa.string())
