"""Reading the audit: what the checks found, per dataset and one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from duckbt.errors import DataError, UsageError, did_you_mean
from duckbt.lake.audit import CHECKS
from duckbt.lake.store import Dataset, Lake
from duckbt.sqlfiles import connect, quote_text, render

FINDING = ("symbol", "timeframe", "check_name", "kind", "ts", "until", "bars", "value", "detail")


class Audit:
    """The findings of all datasets of a lake, as the relation ``audit``. Raises DataError for an empty or changed lake."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.datasets = lake.datasets()
        if not self.datasets:
            raise DataError(f"the lake {lake.root} is empty; `duckcli data ingest` or `duckcli data add` fills it")
        self.connection = connect()
        files = [str(d.folder / d.manifest.audit) for d in self.datasets if d.manifest.audit]
        listed = ", ".join(map(quote_text, files))
        self.connection.execute(f"create view audit as select {', '.join(FINDING)} from read_parquet([{listed}])")
        manifests = [d.manifest for d in self.datasets]
        self.connection.execute(
            "create table datasets as select unnest(?::varchar[]) as symbol, unnest(?::varchar[]) as timeframe, "
            "unnest(?::bigint[]) as rows, unnest(?::timestamp[]) as first_ts, unnest(?::timestamp[]) as last_ts",
            [[getattr(m, name) for m in manifests] for name in ("symbol", "timeframe", "rows", "first_ts", "last_ts")],
        )

    def summary(self, symbols: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Per dataset how many bars or rows each check concerns. Raises DataError for an unknown symbol."""
        for dataset in self._chosen(symbols):
            dataset.check_files()
        cursor = self.connection.execute(render("10_bars/audit_summary.sql"))
        names = [d[0] for d in cursor.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return [row for row in rows if not symbols or row["symbol"] in symbols]

    def findings(self, symbols: Sequence[str] = (), check: str | None = None) -> list[dict[str, Any]]:
        """Single findings by symbol, timeframe, check and time. Raises UsageError for an unknown check."""
        if check is not None and check not in CHECKS:
            raise UsageError(f"no check {check!r}; " + did_you_mean(check, CHECKS, f"known: {', '.join(CHECKS)}"))
        self._chosen(symbols)
        rows = self.connection.execute(
            f"select {', '.join(FINDING)} from audit where (len(?) = 0 or list_contains(?, symbol)) "
            "and (? is null or check_name = ?) order by all",
            [list(symbols), list(symbols), check, check],
        ).fetchall()
        return [dict(zip(FINDING, row, strict=True)) for row in rows]

    def _chosen(self, symbols: Sequence[str]) -> list[Dataset]:
        known = {d.symbol for d in self.datasets}
        for symbol in symbols:
            if symbol not in known:
                raise DataError(
                    f"no symbol {symbol!r} in the lake {self.lake.root}; "
                    + did_you_mean(symbol, known, "`duckcli data list` shows them")
                )
        return [d for d in self.datasets if not symbols or d.symbol in symbols]
