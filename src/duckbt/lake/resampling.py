"""Longer bars out of finer ones: for a run on the fly, or written to the lake as a dataset of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from duckbt.errors import UsageError
from duckbt.lake.barsource import (
    BarSource,
    SymbolBars,
    Wanted,
    common_extras,
    end_of_made_bar,
    source,
    timestamp_text,
)
from duckbt.lake.clock import Anchor
from duckbt.lake.numbered import in_place, sorted_bars
from duckbt.lake.store import Dataset
from duckbt.lake.timeframe import Timeframe
from duckbt.sqlfiles import connect, render


def resampled_bars(
    datasets: Sequence[Dataset], wanted: Wanted, timeframe: Timeframe, anchor: Anchor | None, name: str
) -> BarSource:
    """Bars of ``timeframe`` made of finer datasets: a table over the view of the finer bars.

    Only bars that lie in the range as a whole are made. Raises UsageError for lengths that cannot be made.
    """
    extras = common_extras(datasets)
    counted = _counted(datasets, wanted, timeframe, anchor, name)
    used = [(d, n, condition) for d, (n, condition) in zip(datasets, counted, strict=True) if n]
    symbols = [SymbolBars(place, d.symbol, n) for place, (d, n, _) in enumerate(used)]
    kept = [d for d, _, _ in used]
    if not kept:
        return source(datasets, kept, symbols, [], [], wanted, extras)
    base, statements = _finer(kept, timeframe, anchor, name)
    ranges = [f"place = {place} and {condition}" for place, (_, _, condition) in enumerate(used)]
    statement = render(
        "10_bars/resampled.sql.j2", finer=_finer_name(name), name=name, extras=extras, ranges=ranges,
        finer_seconds=[d.timeframe.seconds for d in kept],
    )  # fmt: skip
    made = source(datasets, kept, symbols, [*statements, (f"10_bars/{name}", statement)], base.files, wanted, extras)
    return replace(made, timeframe=timeframe, ends=end_of_made_bar(timeframe, anchor))


def _finer_name(name: str) -> str:
    return f"finer_{name}"


def _finer(
    datasets: Sequence[Dataset], timeframe: Timeframe, anchor: Anchor | None, name: str
) -> tuple[BarSource, list[tuple[str, str]]]:
    """The finer bars and the statements for them and their buckets."""
    for dataset in datasets:
        if timeframe.seconds % dataset.timeframe.seconds:
            raise UsageError(f"{timeframe} bars cannot be made of the {dataset.timeframe} bars of {dataset.symbol}")
    if timeframe.seconds > 86400 and timeframe.seconds % 86400:
        raise UsageError(f"{timeframe} bars cannot be made: beyond a day, whole days are needed")
    finer = _finer_name(name)
    every = Wanted()
    ordered = all(d.manifest.ordered for d in datasets)
    base = in_place(datasets, every, finer) if ordered else sorted_bars(datasets, every, finer)
    zone = anchor.zone if anchor and anchor.zone != "UTC" else None
    buckets = render(
        "10_bars/buckets.sql.j2", finer=finer, seconds=timeframe.seconds, zone=zone,
        offset=anchor.seconds if anchor else 0, anchor=str(anchor) if anchor else "00:00 UTC",
    )  # fmt: skip
    return base, [base.statements[0], ("10_bars/buckets", buckets)]


def _counted(
    datasets: Sequence[Dataset], wanted: Wanted, timeframe: Timeframe, anchor: Anchor | None, name: str
) -> list[tuple[int, str]]:
    """Per dataset (bars that will be made, condition that picks them), warm-up included."""
    _, statements = _finer(datasets, timeframe, anchor, name)
    steps = ", ".join(str(d.timeframe.seconds) for d in datasets)
    first, last = wanted.first or datetime.min, wanted.last or datetime.max
    end = f"bucket_end <= {timestamp_text(wanted.last)}" if wanted.last else "true"
    result = []
    with connect() as connection:
        for _, statement in statements:
            connection.execute(statement)
        connection.execute(
            "create table made as select place, bucket, bucket_end from (select bar >> 32 as place, bucket, "
            f"any_value(bucket_end) as bucket_end, max(ts) as last_ts from {_finer_name(name)}_buckets group by all) "
            "qualify lead(bucket) over (partition by place order by bucket) is not null "
            f"or last_ts + to_seconds(([{steps}])[place + 1]) >= bucket_end"
        )
        for place in range(len(datasets)):
            low = connection.execute(
                "select min(bucket) from (select bucket from made where place = ? and bucket < ? "
                "order by bucket desc limit ?)",
                [place, first, wanted.warmup],
            ).fetchall()[0][0]
            low = low or wanted.first
            condition = f"bucket >= {timestamp_text(low)}" if low else "true"
            inside, total = connection.execute(
                f"select count(*) filter (bucket >= ?), count(*) from made where place = ? and {condition} "
                "and bucket_end <= ?",
                [first, place, last],
            ).fetchall()[0]
            result.append((total if inside else 0, f"{condition} and {end}"))
    return result
