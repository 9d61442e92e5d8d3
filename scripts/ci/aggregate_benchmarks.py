"""Gather the reports of all runs, the baseline and the evidence below a results folder into benchmark_summary.json.

python scripts/ci/aggregate_benchmarks.py results
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from duckbt.results.performance import PerformanceReport

SUMMARY = "benchmark_summary.json"


def summary(results: Path) -> dict[str, Any]:
    """One entry per report.json, baseline.json and evidence.json. Raises ValueError for a report that is none."""
    runs = []
    for file in sorted(results.rglob("report.json")):
        if ".staging" in file.parts:
            continue
        report = PerformanceReport.model_validate_json(file.read_text(encoding="utf-8"))
        kept = report.model_dump(mode="json", exclude={"timings", "row_counts", "indicator_names", "equivalence"})
        kept["bars_per_second"] = round(report.candle_count / report.total_duration_sec)
        runs.append(kept)
    others = {
        name: [json.loads(f.read_text(encoding="utf-8")) for f in sorted(results.rglob(f"{name}.json"))]
        for name in ("baseline", "evidence")
    }
    made = datetime.now(UTC).isoformat(timespec="seconds")
    return {"schema_version": 1, "created_at": made, "runs": runs, **others}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="?", default=Path("results"))
    results: Path = parser.parse_args().results
    found = summary(results)
    (results / SUMMARY).write_text(json.dumps(found, indent=1), encoding="utf-8")
    counts = ", ".join(f"{len(v)} {k}" for k, v in found.items() if isinstance(v, list))
    print(f"{results / SUMMARY}: {counts}")


if __name__ == "__main__":
    main()
