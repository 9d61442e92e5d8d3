"""Accounts of rows: of every row that was read it is known whether it is kept, repeated or rejected, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from duckbt.lake.manifest import SAMPLES, Duplicates, Rejected, Switches
from duckbt.lake.rows import Group, Refused

Key = tuple[int, int]  # (place of the dataset, number of the source)


@dataclass
class Accounts:
    """Per dataset and source: bars read, repeats dropped, rows rejected, rows in hours that the clock switched."""

    bars: dict[Key, int] = field(default_factory=dict)
    duplicates: dict[Key, Duplicates] = field(default_factory=dict)
    rejected: dict[Key, Rejected] = field(default_factory=dict)
    switches: dict[Key, Switches] = field(default_factory=dict)
    sources: dict[int, set[int]] = field(default_factory=dict)  # by place
    places: dict[int, set[int]] = field(default_factory=dict)  # by source

    def rows(self, key: Key) -> int:
        """Rows of a source that belong to a dataset."""
        return self.bars.get(key, 0) + self.rejected.get(key, Rejected()).rows


def accounts_of(connection: duckdb.DuckDBPyConnection, groups: Sequence[Group], refused: Refused) -> Accounts:
    """Add up the slices, the refused rows, and the tables ``repeats`` and ``switches``."""
    found = Accounts()
    place_of: dict[tuple[int, str], int] = {}
    for group in groups:
        for s in group.slices:
            key = (group.place, s.source)
            found.bars[key] = found.bars.get(key, 0) + s.rows
            found.sources.setdefault(group.place, set()).add(s.source)
            found.places.setdefault(s.source, set()).add(group.place)
            place_of[s.source, s.symbol] = group.place
    for (source, symbol), reasons in refused.items():
        place = place_of.get((source, symbol or ""), min(found.places.get(source, ()), default=None))
        if place is not None:
            key = (place, source)
            found.rejected[key] = found.rejected.get(key, Rejected()) + Rejected(rows=sum(reasons.values()), reasons=reasons)
    for place, source, *values in connection.execute(
        "select place, source, count(*), count(*) filter (identical), count(*) filter (not identical), min(ts), max(ts) "
        "from repeats group by place, source"
    ).fetchall():
        found.duplicates[place, source] = Duplicates(
            removed=values[0], identical=values[1], conflicting=values[2], first=values[3], last=values[4]
        )
    for source, symbol, repeated, skipped in connection.execute(
        "select source, symbol, count(*) filter (kind = 'repeated'), count(*) filter (kind = 'skipped') "
        "from switches group by source, symbol"
    ).fetchall():
        if (source, symbol) in place_of:
            found.switches[place_of[source, symbol], source] = Switches(repeated=repeated, skipped=skipped)
    return found


def add_samples(connection: duckdb.DuckDBPyConnection, accounts: Accounts, names: Mapping[int, str]) -> None:
    """Put the first rejected rows, as the findings show them, into the accounts."""
    rows = connection.execute(
        "select place, kind, detail from findings where check_name = 'rejected' "
        f"qualify row_number() over (partition by place order by detail) <= {SAMPLES} order by place, detail"
    ).fetchall()
    for (place, source), rejected in accounts.rejected.items():
        rejected.samples = [
            f"{detail} ({kind})" for at, kind, detail in rows if at == place and detail.startswith(f"{names[source]} row ")
        ]
