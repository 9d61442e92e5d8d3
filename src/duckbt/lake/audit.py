"""The audit: checks over rows as they were read and over the bars of the lake, each one SQL file, all with one shape.

Findings are kept beside each dataset (``audit/<hash>.parquet``), so that what ingest dropped stays on record.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import duckdb

from duckbt.lake.barsource import Wanted
from duckbt.lake.manifest import Gaps
from duckbt.lake.numbered import in_place, sorted_bars
from duckbt.lake.store import Dataset
from duckbt.sqlfiles import quote_text, render

ROW_CHECKS = ("rejected", "duplicates", "out_of_order", "switches")
BAR_CHECKS = ("spikes", "splits", "gaps", "off_grid", "ohlc", "flat", "zero_volume")
CHECKS = ROW_CHECKS + BAR_CHECKS
THREADS = 4
FINDINGS = (
    "create or replace table findings (place bigint, check_name varchar, kind varchar, ts timestamp, until timestamp, "
    "bars bigint, value double, detail varchar)"
)
_SHOWN = "check_name, kind, ts, until, bars, value, detail"


@dataclass(frozen=True)
class BarFacts:
    """What the manifest says of a dataset's bars."""

    gaps: Gaps
    ohlc_violations: int


def check_rows(connection: duckdb.DuckDBPyConnection, rejected: bool, out_of_order: bool) -> None:
    """Run the checks of rows as they were read; they need ``judged``, ``members``, ``repeats`` and ``switches``.

    ``rejected``, ``out_of_order``: whether there are such rows; else all rows need not be read again to find none.
    """
    wanted = {"rejected": rejected, "out_of_order": out_of_order}
    for name in ROW_CHECKS:
        if wanted.get(name, True):
            _run(connection, name, "place")


def check_bars(connection: duckdb.DuckDBPyConnection, datasets: Sequence[Dataset]) -> None:
    """Run the checks of bars on datasets, which may be drafts; their place is the one in the list."""
    for ordered, reader in ((True, in_place), (False, sorted_bars)):
        places = [place for place, dataset in enumerate(datasets) if dataset.manifest.ordered is ordered]
        if not places:
            continue
        chosen = [datasets[place] for place in places]
        for _, statement in reader(chosen, Wanted(), "bars").statements:
            connection.execute(statement)
        connection.execute(
            "create or replace table timeframes as select unnest(?::bigint[]) as place, unnest(?::bigint[]) as seconds",
            [list(range(len(chosen))), [d.timeframe.seconds for d in chosen]],
        )
        connection.execute(render("10_bars/steps.sql"))
        place_sql = "place" if len(chosen) == len(datasets) else f"({places}::bigint[])[place + 1]"
        with ThreadPoolExecutor(THREADS) as pool:  # most of a check runs on one core
            for done in [pool.submit(_run, connection.cursor(), name, place_sql) for name in BAR_CHECKS]:
                done.result()
        connection.execute(f"drop {'view' if ordered else 'table'} bars")


def _run(connection: duckdb.DuckDBPyConnection, name: str, place: str) -> None:
    body = render(f"10_bars/audit/{name}.sql")
    connection.execute(f"insert into findings select {place}, {quote_text(name)}, * exclude (place) from (\n{body}\n)")


def keep_row_findings(connection: duckdb.DuckDBPyConnection, place: int, dataset: Dataset) -> None:
    """Add what earlier ingests found in the rows of a dataset; findings that are there already count once."""
    if dataset.manifest.audit is None:
        return
    path = str(dataset.folder / dataset.manifest.audit)
    connection.execute(
        f"insert into findings select ?, {_SHOWN} from read_parquet(?) where check_name in "
        f"({', '.join(map(quote_text, ROW_CHECKS))}) except select * from findings where place = ?",
        [place, path, place],
    )


def facts_of(connection: duckdb.DuckDBPyConnection) -> dict[int, BarFacts]:
    """Per place what the findings add up to."""
    rows = connection.execute(
        "select place, count(*) filter (check_name = 'gaps'), count(*) filter (kind = 'inside'), "
        "coalesce(sum(bars) filter (kind = 'inside'), 0), coalesce(max(value) filter (check_name = 'gaps'), 0), "
        "arg_max(ts, (value, -epoch_us(ts))) filter (check_name = 'gaps'), "
        "coalesce(sum(bars) filter (check_name = 'ohlc'), 0) from findings group by place"
    ).fetchall()
    return {
        place: BarFacts(
            Gaps(count=gaps, inside=inside, missing=missing, largest_seconds=largest, largest_after=after), int(broken)
        )
        for place, gaps, inside, missing, largest, after, broken in rows
    }


def findings_by_place(connection: duckdb.DuckDBPyConnection, datasets: Sequence[Dataset]) -> list[Any]:
    """An Arrow table of findings for each dataset, in a fixed order, with its symbol and timeframe."""
    import pyarrow

    table = connection.sql(f"select place, {_SHOWN} from findings order by all").to_arrow_table()
    places = table.column("place").to_numpy()
    result = []
    for place, dataset in enumerate(datasets):
        begin, end = (int(places.searchsorted(place, side=side)) for side in ("left", "right"))
        part = table.slice(begin, end - begin).drop_columns(["place"])
        for name, text in (("timeframe", str(dataset.timeframe)), ("symbol", dataset.symbol)):
            part = part.add_column(0, name, pyarrow.array([text] * part.num_rows, pyarrow.string()))
        result.append(part)
    return result
