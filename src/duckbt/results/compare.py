"""Two runs side by side: what was set differently, what came out differently."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from duckbt.results.folder import read_run_manifest
from duckbt.results.manifest import RunManifest
from duckbt.sqlfiles import connect, quote_text

KEY = ("symbol", "direction", "signal_ts")
SHOWN = ("entry_ts", "entry_price", "exit_ts", "exit_price", "exit_reason", "quantity", "pnl")


@dataclass(frozen=True)
class Comparison:
    """``settings`` and ``metrics``: name → (first, second), where they differ. Trades are the same trade when symbol,
    direction and signal are; ``trades`` lists those that differ: where (first, second, both), key, then pairs of values.
    """

    settings: dict[str, tuple[Any, Any]]
    metrics: dict[str, tuple[float | None, float | None]]
    same_trades: int
    only_first: int
    only_second: int
    changed: int
    trades: list[dict[str, Any]]


def compare_runs(first: Path, second: Path, limit: int = 20) -> Comparison:
    """Compare two published runs; at most ``limit`` trades are listed, all are counted. Raises DataError."""
    a, b = _settings(read_run_manifest(first)), _settings(read_run_manifest(second))
    settings = {k: (a.get(k), b.get(k)) for k in dict.fromkeys([*a, *b]) if a.get(k) != b.get(k)}
    with connect() as connection:
        for name, run in (("a", first), ("b", second)):
            path = quote_text(run / "trades.parquet")
            connection.execute(
                f"create temp table {name} as select *, row_number() over (partition by {', '.join(KEY)} order by trade_id) "
                f"as nth from read_parquet({path}, hive_partitioning = false)"
            ).fetchall()
            path = quote_text(run / "metrics.parquet")
            connection.execute(
                f"create temp table m{name} as select name, value from read_parquet({path}, hive_partitioning = false) "
                "where scope = 'all'"
            ).fetchall()
        metrics = connection.execute(
            "select name, ma.value, mb.value from ma full join mb using (name) "
            "where ma.value is distinct from mb.value order by name"
        ).fetchall()
        differ = " or ".join(f"a.{c} is distinct from b.{c}" for c in SHOWN)
        pairs = ", ".join(f"a.{c} as a_{c}, b.{c} as b_{c}" for c in SHOWN)
        connection.execute(
            f"create temp table pairs as select {', '.join(KEY)}, case when b.nth is null then 'first' "
            f"when a.nth is null then 'second' when {differ} then 'both' else 'same' end as place, {pairs} "
            f"from a full join b using ({', '.join(KEY)}, nth)"
        ).fetchall()
        counts: dict[str, int] = dict(connection.execute("select place, count(*) from pairs group by place").fetchall())
        rows = connection.execute(
            f"select * from pairs where place <> 'same' order by signal_ts, symbol, direction limit {int(limit)}"
        )
        names = [d[0] for d in rows.description or ()]
        trades = [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
    return Comparison(
        settings, {n: (x, y) for n, x, y in metrics}, counts.get("same", 0), counts.get("first", 0),
        counts.get("second", 0), counts.get("both", 0), trades,
    )  # fmt: skip


def _settings(manifest: RunManifest) -> dict[str, Any]:
    """What decides a run, flat."""
    s = manifest.selection
    found: dict[str, Any] = {"strategy": manifest.name, "strategy sha256": manifest.strategy_sha256[:12]}
    found |= {"timeframe": manifest.timeframe, "symbols": ", ".join(s.symbols)}
    found |= {"from": s.first, "to": s.last, "warmup": s.warmup}
    found |= {f"param {name}": value for name, value in manifest.parameters.items()}
    found |= {f"indicator {i.name}": i.expression for i in manifest.indicators}
    found |= {f"bars {d.symbol} {d.timeframe}": d.digest[:12] for d in manifest.datasets}
    return found | {"engine": manifest.engine, "sql sha256": manifest.sql_sha256[:12]}
