"""What ``backtest run --explain`` shows."""

from __future__ import annotations

from dataclasses import asdict

from duckbt.cli import show
from duckbt.engine.estimate import BARS_PER_ENTRY, Estimate
from duckbt.engine.memory import SHARE, available, check_minimum, size_of
from duckbt.errors import UsageError
from duckbt.results.prepared import Settings


def show_estimate(estimate: Estimate, settings: Settings, json: bool) -> None:
    """Stages with rows, memory and time; then the whole, beside what there is. Raises ResourceError as the run would."""
    free = check_minimum(int(estimate.memory_mb * 1e6))
    try:
        limit = size_of(settings.memory_limit) if settings.memory_limit else int(free * SHARE)
    except ValueError:
        raise UsageError(f"--memory-limit {settings.memory_limit}: write a size, as in 2GB") from None
    if json:
        document = {"bars": estimate.bars, "expected_entries": estimate.entries, "expected_memory_mb": estimate.memory_mb,
                    "expected_seconds": estimate.seconds, "available_mb": available() / 1e6, "memory_limit_mb": limit / 1e6,
                    "stages": [asdict(s) for s in estimate.stages]}  # fmt: skip
        show.print_json(document)
        return
    rows = [(s.name, s.rows, s.memory_mb, s.seconds) for s in estimate.stages]
    show.table(("stage", "rows", "memory MB", "seconds"), rows)
    spills = "; what does not fit goes to disk" if estimate.memory_mb * 1e6 > limit else ""
    show.out.print(
        f"{estimate.bars:,} bars; about {estimate.entries:,} entries, if 1 bar in {BARS_PER_ENTRY} signals one\n"
        f"expected: {estimate.memory_mb:,.0f} MB and {estimate.seconds:,.1f} s · "
        f"the engine may take {limit / 1e6:,.0f} MB of {free / 1e6:,.0f} MB that are free{spills}\n"
        "Nothing has run; leave out --explain to run it."
    )
