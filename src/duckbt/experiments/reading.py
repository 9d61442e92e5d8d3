"""Reading a sweep: the best sets, a metric over two parameters, whether the best is a plateau or a spike."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from duckbt.errors import DataError, UsageError, did_you_mean
from duckbt.experiments.store import local_lake
from duckbt.experiments.sweep import SweepManifest, sweep_path
from duckbt.lake.store import Lake
from duckbt.results.folder import meant
from duckbt.results.prepared import Settings
from duckbt.results.run import Run, backtest
from duckbt.sqlfiles import connect, quote_name, quote_text
from duckbt.strategy.load import parse_strategy

LOWER_IS_BETTER = frozenset({
    "max_drawdown", "max_drawdown_days", "avg_drawdown", "avg_drawdown_days", "drawdowns", "volatility", "costs",
    "max_consecutive_losses", "value_at_risk", "conditional_value_at_risk", "ambiguous_trades", "end_of_data_trades",
})  # fmt: skip


class Sweep:
    """A published sweep. ``combos`` and ``trades`` are DuckDB relations over its Parquet files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def find(cls, sweep: str, results: Path | str = "results") -> Sweep:
        """By id, beginning of an id, path, or as ``latest``. Raises DataError."""
        if (Path(sweep) / "manifest.json").is_file():
            return cls(Path(sweep))
        manifests = sweep_path(Path(results), "").glob("*/manifest.json")
        known = [p.parent for p in sorted(manifests, key=lambda p: p.stat().st_mtime, reverse=True)]
        if found := meant(sweep, known, "sweeps"):
            return cls(found)
        there = ", ".join(p.name for p in known) or "none; `duckcli backtest sweep` makes one"
        raise DataError(f"no sweep {sweep!r} in {results}; there: {there}")

    @cached_property
    def manifest(self) -> SweepManifest:
        """Its manifest. Raises DataError when it is damaged."""
        try:
            return SweepManifest.model_validate_json((self.path / "manifest.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{self.path} is no sweep folder: {str(error).splitlines()[0]}") from None

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        return connect()

    @property
    def combos(self) -> duckdb.DuckDBPyRelation:
        """One row per parameter set: parameters, metrics, status, error."""
        return self._connection.sql(f"from read_parquet({quote_text(self.path / 'combos.parquet')})")

    @property
    def trades(self) -> duckdb.DuckDBPyRelation:
        """Trades of the sets that were asked to keep them. Raises DataError when none were."""
        file = self.path / "trades.parquet"
        if not file.is_file():
            raise DataError(f"sweep {self.path.name} kept no trades; run it with --keep-trades best:N or all")
        return self._connection.sql(f"from read_parquet({quote_text(file)})")

    @property
    def varied(self) -> list[str]:
        """Columns of the parameters that differ, beside strategy and symbols where those do."""
        names = [self.manifest.columns.get(n, n) for n in self.manifest.varied]
        several = ["strategy"] if len(self.manifest.strategies) > 1 else []
        return several + (["symbols"] if len(self.manifest.symbols) > 1 else []) + names

    def metric(self, name: str) -> str:
        """The column of a metric. Raises UsageError with a close match."""
        columns = self.combos.columns
        if name not in columns:
            raise UsageError(f"no metric {name!r}; " + did_you_mean(name, columns, f"there: {', '.join(columns)}"))
        return name

    def order(self, by: str) -> str:
        """SQL that puts the best first; sets without a value come last."""
        return f"{quote_name(self.metric(by))} {'asc' if by in LOWER_IS_BETTER else 'desc'} nulls last, combo_id"

    def top(self, count: int = 20, by: str = "sharpe") -> list[dict[str, Any]]:
        """The best sets."""
        return self._rows(f"select * from combos where status = 'done' order by {self.order(by)} limit {int(count)}")

    def row(self, combo: int) -> dict[str, Any]:
        """One set. Raises UsageError."""
        rows = self._rows(f"select * from combos where combo_id = {int(combo)}")
        if not rows:
            raise UsageError(f"sweep {self.path.name} has no combination {combo}; it has 0 to {self.manifest.combos - 1}")
        return rows[0]

    def pivot(
        self, rows: str, columns: str, metric: str = "sharpe"
    ) -> tuple[list[Any], list[Any], list[list[float | None]]]:
        """(values of ``rows``, values of ``columns``, the best value of ``metric`` for each pair over all else)."""
        best = "min" if metric in LOWER_IS_BETTER else "max"
        for name in (rows, columns, metric):
            self.metric(name)
        found = self._rows(
            f"select {quote_name(rows)} as r, {quote_name(columns)} as c, {best}({quote_name(metric)}) as v "
            "from combos where status = 'done' group by all order by all"
        )
        ups, acrosses = sorted({f["r"] for f in found}), sorted({f["c"] for f in found})
        cells = {(f["r"], f["c"]): f["v"] for f in found}
        return ups, acrosses, [[cells.get((r, c)) for c in acrosses] for r in ups]

    def neighbours(self, combo: int, by: str = "sharpe") -> list[dict[str, Any]]:
        """The sets one step away in one parameter each, and the set itself, first."""
        self.metric(by)
        own = self.row(combo)
        names = [n for n in self.varied if n not in ("strategy", "symbols")]
        found = [own]
        for name in names:
            same = " and ".join(
                f"{quote_name(n)} is not distinct from {_literal(own[n])}"
                for n in ("strategy", "symbols", *names)
                if n != name
            )
            for sign, order in (("<", "desc"), (">", "asc")):
                found += self._rows(
                    f"select * from combos where {same} and {quote_name(name)} {sign} {_literal(own[name])} "
                    f"order by {quote_name(name)} {order} limit 1"
                )
        return found

    def _rows(self, sql: str) -> list[dict[str, Any]]:
        result = self._connection.execute(
            f"with combos as (from read_parquet({quote_text(self.path / 'combos.parquet')})) {sql}"
        )
        names = [d[0] for d in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def parameters(self, combo: int) -> dict[str, Any]:
        """The parameters of one set by the strategy's own names."""
        row, strategy = self.row(combo), self._strategy(combo)
        columns = self.manifest.columns
        return {n: row[columns.get(n, n)] for n in strategy.strategy.params}

    def _strategy(self, combo: int) -> Any:
        name = self.row(combo)["strategy"]
        number = list(self.manifest.strategies).index(name)
        stored = self.path / ("strategy.toml" if len(self.manifest.strategies) == 1 else f"strategy-{number}.toml")
        return parse_strategy(stored.read_text(encoding="utf-8"), Path(self.manifest.strategy_files[number]))

    def promote(
        self,
        combo: int,
        lake: Lake | Path | str | None = None,
        results: Path | str = "results",
        settings: Settings | None = None,
    ) -> Run:
        """A full run of one set: trades, signals, equity, report. ``lake``: that of the sweep if not said."""
        symbols = self.row(combo)["symbols"].split(",")
        m = self.manifest
        return backtest(
            self._strategy(combo),
            lake or local_lake(m.lake, symbols),
            symbols,
            self.parameters(combo),
            m.first,
            m.last,
            m.warmup,
            results,
            settings,
        )


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return quote_text(value) if isinstance(value, str) else f"({value!r})"
